/** What checkers see of a simulated world. */
import type { Address } from '../../src/actors/actor.ts';
import type { ClientCommand, ClientMessage, Reply } from '../../src/actors/protocol/client.ts';
import type { Input } from '../../src/actors/protocol/object.ts';
import type { Message } from '../../src/actors/protocol/message.ts';

export type WorldEvent =
  /** An actor handles it now. */
  | { readonly kind: 'handled'; readonly host: 'node' | 'client'; readonly to: Address; readonly place: string; readonly message: Message }
  /** It leaves the node for a thread or the client. */
  | { readonly kind: 'left'; readonly to: Address; readonly message: Message }
  /** A thread has sent it, but it has not yet arrived. */
  | { readonly kind: 'threadSent'; readonly thread: number; readonly to: Address; readonly message: Message }
  | {
      readonly kind: 'block';
      readonly what: 'granted' | 'adopted' | 'pinned' | 'released' | 'freed';
      readonly offset: number;
      readonly by: Address;
    }
  /** A function, or the client, has looked at an object. `found`: the content's id, or what is wrong with it. */
  | { readonly kind: 'read'; readonly by: string; readonly when: 'start' | 'end'; readonly input: Input; readonly found: number | string }
  | { readonly kind: 'outputRead'; readonly session: string; readonly index: number; readonly found: number | string }
  /** The client could not get it: for him its session has failed. */
  | { readonly kind: 'outputLost'; readonly session: string }
  /** A session has been put into a slot. */
  | {
      readonly kind: 'soloCalled';
      readonly session: string;
      readonly app: string;
      readonly entries: readonly { readonly bucket: string; readonly key: string; readonly group: string | null }[];
    }
  | { readonly kind: 'asked'; readonly request: number; readonly command: ClientCommand }
  | { readonly kind: 'settled'; readonly request: number; readonly reply: Reply }
  | { readonly kind: 'notified'; readonly message: ClientMessage }
  /** An actor has thrown. */
  | { readonly kind: 'bug'; readonly error: Error }
  /** Something has happened, and all that followed from it at once. */
  | { readonly kind: 'stepped' };
