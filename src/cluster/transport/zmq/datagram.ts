/**
 * What two meshes send each other: one ZeroMQ message of one or two parts.
 *
 *      0      4      5    8      16    24         32         40
 *     ┌──────┬──────┬────┬──────┬─────┬──────────┬──────────┬─────────┐
 *     │ PHZ1 │ kind │ 0  │ from │ to  │ received │ sequence │ frame … │   packet; the numbers are float64, little-endian
 *     ├──────┼──────┼────┴──────┴─────┴──────────┴──────────┴─────────┤
 *     │ PHZ1 │ kind │ 0  │ JSON …                                     │   hello, welcome, refused, bye
 *     ├──────┼──────┼────┼────────────────────────────────────────────┘
 *     │ PHZ1 │ kind │ 0  │                                                who, beat, ping, pong
 *     └──────┴──────┴────┘
 *
 *   D1  A large frame is a part of its own, which ZeroMQ takes without a copy: its bytes must not change afterwards. A small one is copied
 *       behind its header: that costs less than a second part. Of a piece of an object the envelope is behind the header, and the bytes are a
 *       part of their own.
 *   D2  The first eight bytes and the JSON are the same in all versions, so that a refusal can be read by who is refused.
 */
import type { Packet } from '../../link/packet.ts';
import type { PieceFrame } from '../../wire/codec.ts';

export type Frame = Uint8Array | PieceFrame;

export const kinds = ['packet', 'hello', 'welcome', 'refused', 'bye', 'who', 'beat', 'ping', 'pong'] as const;

/**
 * `who`: the sender does not know who it is that speaks on this connection, and asks for a hello. `beat`: I am here. `ping`: say that you
 * are, which `pong` does.
 */
export type DatagramKind = (typeof kinds)[number];

export type Datagram =
  | { readonly kind: 'packet'; readonly packet: Packet<Frame>; readonly sizeBytes: number }
  | { readonly kind: 'hello' | 'welcome' | 'refused' | 'bye'; readonly body: unknown }
  | { readonly kind: 'who' | 'beat' | 'ping' | 'pong' };

export type Parts = readonly Uint8Array[];

const magic = Buffer.from('PHZ1');
const markBytes = 8;
export const headerBytes = 40;
/** Up to this size a frame is copied behind its header. */
const copiedBytesMax = 16 * 1024;
const bodyBytesMax = 16 * 1024;

const marks = new Map<DatagramKind, Buffer>(kinds.map((kind, index) => [kind, Buffer.from([...magic, index, 0, 0, 0])]));

export function writePacket({ from, to, received, sequence, frame }: Packet<Frame>): Parts {
  const piece = frame !== null && 'head' in frame ? frame : null;
  const whole = piece ? piece.head : (frame as Uint8Array | null);
  const copied = whole !== null && (piece || whole.byteLength <= copiedBytesMax) ? whole.byteLength : 0;
  const header = Buffer.allocUnsafe(headerBytes + copied);
  magic.copy(header, 0);
  // The kind, and three zeros.
  header.writeInt32LE(0, 4);
  header.writeDoubleLE(from, 8);
  header.writeDoubleLE(to, 16);
  header.writeDoubleLE(received, 24);
  header.writeDoubleLE(sequence, 32);
  if (whole === null) return [header];
  if (copied === 0) return [header, whole];
  header.set(whole, headerBytes);
  return piece ? [header, piece.bytes] : [header];
}

export function writeSign(kind: 'who' | 'beat' | 'ping' | 'pong'): Parts {
  return [marks.get(kind) as Buffer];
}

export function writeBody(kind: 'hello' | 'welcome' | 'refused' | 'bye', body: object): Parts {
  return [Buffer.concat([marks.get(kind) as Buffer, Buffer.from(JSON.stringify(body))])];
}

/** `parts` from `first` on; null: it is none. */
export function readDatagram(parts: readonly Buffer[], first: number): Datagram | null {
  const header = parts[first];
  const count = parts.length - first;
  if (header === undefined || count > 2 || header.length < markBytes || header.compare(magic, 0, 4, 0, 4) !== 0) return null;
  const kind = kinds[header.readInt32LE(4)];
  if (kind === 'packet') return readPacket(header, parts[first + 1] ?? null);
  if (kind === undefined || count !== 1) return null;
  if (kind === 'hello' || kind === 'welcome' || kind === 'refused' || kind === 'bye') return readBody(kind, header);
  return header.length === markBytes ? { kind } : null;
}

function readPacket(header: Buffer, second: Buffer | null): Datagram | null {
  if (header.length < headerBytes) return null;
  const frame = readFrame(header.length > headerBytes ? header.subarray(headerBytes) : null, second);
  const from = header.readDoubleLE(8);
  const to = header.readDoubleLE(16);
  const received = header.readDoubleLE(24);
  const sequence = header.readDoubleLE(32);
  if (!(isCount(from) && isCount(to) && isCount(received) && isCount(sequence))) return null;
  if (from === 0 || (frame === null) !== (sequence === 0) || (to === 0 && frame !== null)) return null;
  return { kind: 'packet', packet: { from, to, received, sequence, frame }, sizeBytes: headerBytes + (frame?.byteLength ?? 0) };
}

function readFrame(first: Buffer | null, second: Buffer | null): Frame | null {
  if (first === null || second === null) return first ?? second;
  return { head: first, bytes: second, byteLength: first.byteLength + second.byteLength };
}

function readBody(kind: 'hello' | 'welcome' | 'refused' | 'bye', header: Buffer): Datagram | null {
  if (header.length > markBytes + bodyBytesMax) return null;
  try {
    return { kind, body: JSON.parse(header.toString('utf8', markBytes)) };
  } catch {
    return null;
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
