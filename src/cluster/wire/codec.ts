/**
 * Messages ↔ bytes: a frame is a CBOR array of envelopes `[to, tag, …fields]`, many to a frame.
 *
 *   V1  What is decoded shares no memory with the frame, which may be reused or dropped at once; but for the bytes of an `objectPiece`, which
 *       are copied to where they belong when it is handled.
 *   V2  Refs, inputs and entries, which every hot message carries, travel as arrays too; all else is plain CBOR.
 *   V3  A frame that is not of this protocol throws `MalformedFrame` and has no other effect.
 */
import { Decoder, Encoder } from 'cbor-x';
import type { Address } from '../../actors/actor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Entry, Input } from '../../actors/protocol/object.ts';
import type { Ref } from '../../storage/object.ts';
import { fieldsOf } from './fields.ts';

export interface Envelope {
  readonly to: Address;
  readonly message: Message;
}

export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

const kinds = Object.keys(fieldsOf) as Message['kind'][];
const tags = new Map(kinds.map((kind, tag) => [kind, tag]));
const fieldLists = kinds.map((kind) => fieldsOf[kind]);

const options = { useRecords: false, mapsAsObjects: true, tagUint8Array: false } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** The frame is memory of its own, and no more than it needs. */
export function encodeFrame(envelopes: readonly Envelope[]): Uint8Array {
  return new Uint8Array(encoder.encode(envelopes.map(packEnvelope)));
}

/** An `objectPiece`, whose bytes stay where they are. */
export interface PieceFrame {
  /** The envelope, with no bytes. */
  readonly head: Uint8Array;
  readonly bytes: Uint8Array;
  /** Of both. */
  readonly byteLength: number;
}

export function encodePiece({ to, message }: Envelope, bytes: Uint8Array): PieceFrame {
  const head = encodeFrame([{ to, message: { ...message, bytes: noBytes } as Message }]);
  return { head, bytes, byteLength: head.byteLength + bytes.byteLength };
}

export function decodePiece({ head, bytes }: PieceFrame): Envelope[] {
  const [envelope, ...others] = decodeFrame(head);
  if (envelope?.message.kind !== 'objectPiece' || others.length > 0)
    throw new MalformedFrame('only a single piece of an object has bytes apart');
  return [{ to: envelope.to, message: { ...envelope.message, bytes } }];
}

const noBytes = new Uint8Array(0);

export function decodeFrame(frame: Uint8Array): Envelope[] {
  let rows: unknown;
  try {
    rows = decoder.decode(frame);
  } catch (cause) {
    throw new MalformedFrame('the frame is not CBOR', { cause });
  }
  if (!Array.isArray(rows)) throw new MalformedFrame('the frame is not an array of envelopes');
  try {
    return rows.map(unpackEnvelope);
  } catch (cause) {
    // A list or a record was expected where there is something else.
    throw cause instanceof MalformedFrame ? cause : new MalformedFrame('a field is not of its type', { cause });
  }
}

function packEnvelope({ to, message }: Envelope): unknown[] {
  const tag = tags.get(message.kind);
  if (tag === undefined) throw new Error(`bug: no message is called ${message.kind}`);
  const row: unknown[] = [to, tag];
  const record = message as unknown as Record<string, unknown>;
  for (const field of fieldLists[tag] ?? []) row.push(packField(field, record[field]));
  return row;
}

function unpackEnvelope(row: unknown): Envelope {
  if (!Array.isArray(row)) throw new MalformedFrame('an envelope is not an array');
  const [to, tag] = row as [unknown, unknown];
  const kind = kinds[Number(tag)];
  const names = fieldLists[Number(tag)];
  if (typeof to !== 'string' || kind === undefined || names === undefined)
    throw new MalformedFrame(`no message has the tag ${String(tag)}`);
  if (row.length !== names.length + 2) throw new MalformedFrame(`${kind} has ${names.length} fields, not ${row.length - 2}`);
  const message: Record<string, unknown> = { kind };
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    message[name] = unpackField(name, row[i + 2]);
  }
  return { to, message: message as unknown as Message };
}

function packField(field: string, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (field === 'ref') return packRef(value as Ref);
  if (field === 'inputs' || field === 'objects') return Array.isArray(value) ? value.map(packInput) : value;
  if (field === 'outputs') return Array.isArray(value) ? value.map(packRef) : value;
  if (field === 'entries') return (value as readonly Entry[]).map(packEntry);
  return value;
}

function unpackField(field: string, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (field === 'ref') return unpackRef(value);
  if (field === 'inputs' || field === 'objects') return Array.isArray(value) ? value.map(unpackInput) : value;
  if (field === 'outputs') return Array.isArray(value) ? value.map(unpackRef) : value;
  if (field === 'input') return ownInput(value as Input);
  if (field === 'entries') return (value as unknown[]).map(unpackEntry);
  if (field === 'spec') {
    const spec = value as { readonly entries: readonly { readonly ref: Ref }[] };
    return { ...spec, entries: spec.entries.map((entry) => ({ ...entry, ref: ownRef(entry.ref) })) };
  }
  return value;
}

function packRef({ encoding, sizeBytes, inline, offset, remote }: Ref): unknown[] {
  if (!remote) return [encoding, sizeBytes, inline, offset];
  return [encoding, sizeBytes, inline, offset, remote.node, remote.incarnation, remote.offset, remote.serial];
}

function unpackRef(value: unknown): Ref {
  if (!Array.isArray(value)) throw new MalformedFrame('a ref is not an array');
  const [encoding, sizeBytes, inline, offset, ...place] = value as [number, number, Uint8Array | null, number, ...unknown[]];
  if (place.length > 0) {
    const [node, incarnation, there, serial] = place as [string, number, number, number];
    return { encoding, sizeBytes, inline: null, offset, remote: { node, incarnation, offset: there, serial } };
  }
  return { encoding, sizeBytes, inline: ownBytes(inline), offset };
}

function packInput({ key, group, session, ref }: Input): unknown[] {
  return [key, group, session, ...packRef(ref)];
}

function unpackInput(value: unknown): Input {
  if (!Array.isArray(value)) throw new MalformedFrame('an input is not an array');
  const [key, group, session, ...ref] = value as [string, string | null, string, ...unknown[]];
  return { key, group, session, ref: unpackRef(ref) };
}

/** Of a call that runs solo: so that it is a message that ZeroMQ passes on without a reference to memory of ours (128 bytes). */
function packEntry({ bucket, key, group, ref }: Entry): unknown[] {
  return [bucket, key, group, ...packRef(ref)];
}

function unpackEntry(value: unknown): Entry {
  if (!Array.isArray(value)) throw new MalformedFrame('an entry is not an array');
  const [bucket, key, group, ...ref] = value as [string, string, string | null, ...unknown[]];
  return { bucket, key, group, ref: unpackRef(ref) };
}

function ownInput(input: Input): Input {
  return { ...input, ref: ownRef(input.ref) };
}

/** Decoded bytes alias their frame. */
function ownRef(ref: Ref): Ref {
  return ref.inline === null ? ref : { ...ref, inline: ownBytes(ref.inline) };
}

/** A number would be taken for a length: it is not for others to say how much memory is taken here. */
function ownBytes(inline: unknown): Uint8Array | null {
  if (inline === null) return null;
  if (inline instanceof Uint8Array) return new Uint8Array(inline);
  throw new MalformedFrame('the bytes of a ref are none');
}
