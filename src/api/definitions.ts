/** What defines apps: all that an app module needs. It starts nothing, and runs in executors too. */
export { type AnyBucket, type Bucket, type BucketOptions, bucket, type ValueOf } from './bucket.ts';
export type { CallOptions, Expectation, Outcome, ResultOptions, StartOptions } from './call-options.ts';
export type { Allocation, Branches, Context, Durable, Input, Log, Outgoing } from './context.ts';
export { type App, type AppOptions, defineApp } from './define-app.ts';
export type { ClusterNode, ClusterShard, ClusterStatus } from './cluster-status.ts';
export type { ConnectOptions } from './connect-options.ts';
export type { Entries } from './entries.ts';
export { type AnyPheromoneError, type ErrorOf, errors, isPheromoneError, PheromoneError } from './errors.ts';
export { type AnyFn, type Arity, type BackoffOptions, type Fn, type FnOptions, fn, type RetryOptions } from './fn.ts';
export type { CloseOptions, LocalOptions, LogLevel } from './local-options.ts';
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
} from './primitives.ts';
export type { Outputs, PinnedObject, Runtime, RuntimeEvents, SessionOutput, StoredObject, WorkerStats } from './runtime.ts';
export type { FunctionCounts, PendingTrigger, SessionHandle, SessionHistory, SessionState, SessionStatus } from './session.ts';
export type { RerunOptions, Trigger, TriggerOptions } from './trigger.ts';
export { type Type, type } from './type.ts';
export type { ErrorCode } from '../actors/protocol/error.ts';
export { type Arrival, type CustomAction, type CustomPrimitive, definePrimitive, type Pending } from './define-primitive.ts';
