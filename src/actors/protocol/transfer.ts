/**
 * How bytes of large objects come from one node to another: the one that needs them asks the one that has them, which sends them in
 * pieces. Spoken by services beside the actors, under the address `objects`.
 */
import type { Address } from '../actor.ts';
import type { ErrorData } from './error.ts';
import type { Ref } from '../../storage/object.ts';

export type TransferMessage =
  /** Answered by all its pieces, in order, or by one refusal. */
  | {
      readonly kind: 'fetchObject';
      readonly owner: Address;
      readonly request: number;
      /** Of the node that is asked. */
      readonly incarnation: number;
      /** In its arena; of a client the number of the value. */
      readonly offset: number;
      /** Of the block that lay there: another one is refused. Of a client 0. */
      readonly serial: number;
      readonly sizeBytes: number;
    }
  /** The bytes from `at` on. */
  | { readonly kind: 'objectPiece'; readonly request: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'fetchRefused'; readonly request: number; readonly error: ErrorData }
  /** To the service `imports`: these are to be brought here. Answered by `objectsBrought`. */
  | { readonly kind: 'bringObjects'; readonly request: number; readonly refs: readonly Ref[] }
  /** A client is no more: what is held for it may go. */
  | { readonly kind: 'nodeGone'; readonly node: string }
  /** It is there, again or for the first time. */
  | { readonly kind: 'nodeBack'; readonly node: string };
