/** Every message there is. One file of types per actor lies beside this one; the union is what hosts and transports carry. */
import type { BucketMessage } from './bucket.ts';
import type { ClientMessage } from './client.ts';
import type { CoordinatorMessage, RecordApp } from './coordinator.ts';
import type { ExecutorMessage, ThreadMessage } from './executor.ts';
import type { FromGate, GateMessage } from './gate.ts';
import type { RegistryMessage } from './registry.ts';
import type { SchedulerMessage } from './scheduler.ts';
import type { StoreMessage } from './store.ts';
import type { TransferMessage } from './transfer.ts';

export type Message =
  | BucketMessage
  | ClientMessage
  | CoordinatorMessage
  | ExecutorMessage
  | FromGate
  | GateMessage
  | RecordApp
  | RegistryMessage
  | SchedulerMessage
  | StoreMessage
  | TransferMessage
  | ThreadMessage;
