/** What an executor thread offers to the attempts that run in it. */
import type { FromThread, ThreadMessage } from '../../actors/protocol/executor.ts';
import type { Durable, Log } from '../../api/context.ts';
import type { Outlet } from '../host.ts';
import type { Blocks } from './blocks.ts';

export type Answer = Extract<ThreadMessage, { kind: 'answer' }>;

export interface ThreadServices {
  readonly arena: Uint8Array;
  readonly node: Outlet;
  readonly blocks: Blocks;
  /** The node is far behind with what this thread has sent: more should wait for `hasRoom`. */
  isCongested(): boolean;
  hasRoom(): Promise<void>;
  /** Sends what `question` makes of a request number; resolves with the answer, rejects with its error. */
  ask(question: (request: number) => FromThread): Promise<Answer>;
  logOf(bound: object): Log;
  /** `track` runs each operation, or refuses it. */
  durableOf(app: string, track: <T>(work: () => Promise<T>) => Promise<T>): Durable;
}
