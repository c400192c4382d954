/** What a user can import. The runtime's own parts are not among it. */
export { type AnyBucket, type Bucket, type BucketOptions, bucket, type ValueOf } from './api/bucket.ts';
export type { CallOptions, Expectation, Outcome, ResultOptions, StartOptions } from './api/call-options.ts';
export type { Allocation, Branches, Context, Durable, Input, Log, Outgoing } from './api/context.ts';
export { type App, type AppOptions, defineApp } from './api/define-app.ts';
export type { Entries } from './api/entries.ts';
export { type AnyPheromoneError, type ErrorOf, errors, isPheromoneError, PheromoneError } from './api/errors.ts';
export { type AnyFn, type Arity, type BackoffOptions, type Fn, type FnOptions, fn, type RetryOptions } from './api/fn.ts';
export type { CloseOptions, LocalOptions, LogLevel } from './api/local-options.ts';
export {
  type ByBatchSizeOptions,
  type ByNameOptions,
  type BySetOptions,
  type ByTimeOptions,
  byBatchSize,
  byName,
  bySet,
  byTime,
  type DynamicGroupOptions,
  dynamicGroup,
  dynamicJoin,
  immediate,
  type Primitive,
  type RedundantOptions,
  redundant,
} from './api/primitives.ts';
export type { PinnedObject, Runtime, RuntimeEvents, SessionOutput, StoredObject } from './api/runtime.ts';
export type { FunctionCounts, PendingTrigger, SessionHandle, SessionHistory, SessionState, SessionStatus } from './api/session.ts';
export type { RerunOptions, Trigger, TriggerOptions } from './api/trigger.ts';
export { type Type, type } from './api/type.ts';
export type { ErrorCode } from './actors/protocol/error.ts';
export { type Arrival, type CustomAction, type CustomPrimitive, definePrimitive, type Pending } from './api/define-primitive.ts';
