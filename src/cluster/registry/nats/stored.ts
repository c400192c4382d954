/** What a message of the registry's stream says: a value, where a large one lies, or that the key is gone. */
import { headers, type MsgHdrs } from '@nats-io/transport-node';

/** As in NATS KV. */
const operationHeader = 'KV-Operation';
const ttlHeader = 'Pheromone-Ttl-Ms';
const piecesHeader = 'Pheromone-Pieces';
const idHeader = 'Nats-Msg-Id';

/** A large value, in pieces of another stream. */
export interface PiecesRef {
  readonly id: string;
  readonly sizeBytes: number;
}

export interface Stored {
  readonly revision: number;
  readonly isGone: boolean;
  readonly ttlMs: number | null;
  readonly pieces: PiecesRef | null;
  /** Of the value itself. */
  readonly sizeBytes: number;
  /** Empty if it is in pieces. */
  readonly data: Uint8Array;
  /** Of the write that has made it. */
  readonly id: string;
}

export function storedOf(revision: number, head: MsgHdrs | undefined, data: Uint8Array): Stored {
  const [id, sizeBytes] = head?.get(piecesHeader)?.split(' ') ?? [];
  const ttl = head?.get(ttlHeader);
  const pieces = id && sizeBytes ? { id, sizeBytes: Number(sizeBytes) } : null;
  return {
    revision,
    // PURGE and MaxAge, too: written by others than us.
    isGone: !!head?.get(operationHeader),
    ttlMs: ttl ? Number(ttl) : null,
    pieces,
    sizeBytes: pieces?.sizeBytes ?? data.byteLength,
    data,
    id: head?.get(idHeader) ?? '',
  };
}

export function putHeaders(ttlMs: number | null, pieces: PiecesRef | null): MsgHdrs {
  const head = headers();
  if (ttlMs !== null) head.set(ttlHeader, String(ttlMs));
  if (pieces) head.set(piecesHeader, `${pieces.id} ${pieces.sizeBytes}`);
  return head;
}

export function goneHeaders(): MsgHdrs {
  const head = headers();
  head.set(operationHeader, 'DEL');
  return head;
}
