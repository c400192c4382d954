/**
 * What simulated objects consist of: bytes that say whose they are, so that whoever reads them can tell if they are.
 *
 *     0     4        8           12
 *     ┌─────┬────────┬───────────┬──────────────────────────────┐
 *     │ id  │ owner  │ checksum  │ a pattern made of id         │
 *     └─────┴────────┴───────────┴──────────────────────────────┘
 *
 * `id` is unique in the world. `owner` is a hash of session, key and group, which every reader knows of what he reads; a client
 * that opens a session does not know it yet, and leaves it empty.
 */
export const contentBytesMin = 12;

/** Of what follows, only one byte in `sparseStride` is written and looked at: large objects cost simulations more than all the rest. */
const denseBytes = 4_096;
const sparseStride = 61;

export interface Labels {
  readonly session: string;
  readonly key: string;
  readonly group: string | null;
}

export function writeContent(bytes: Uint8Array, id: number, labels: Labels): void {
  const view = viewOf(bytes);
  for (let i = contentBytesMin; i < bytes.length; i = next(i)) bytes[i] = (id * 31 + i * 7) & 0xff;
  view.setUint32(0, id);
  view.setUint32(4, hash(labels));
  view.setUint32(8, checksum(bytes));
}

/** The object's id, or what is wrong with its bytes. */
export function readContent(bytes: Uint8Array, labels: Labels): number | string {
  if (bytes.length < contentBytesMin) return `has ${bytes.length} bytes`;
  const view = viewOf(bytes);
  const id = view.getUint32(0);
  if (view.getUint32(8) !== checksum(bytes)) return `is not what was written (it starts with ${[...bytes.subarray(0, 4)].join(' ')})`;
  const owner = view.getUint32(4);
  if (owner !== hash(labels) && owner !== hash({ ...labels, session: '' })) return `is another object (number ${id})`;
  return id;
}

function next(i: number): number {
  return i < denseBytes ? i + 1 : i + sparseStride;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checksum(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (let i = 0; i < bytes.length; i = next(i)) if (i < 8 || i >= contentBytesMin) sum = (Math.imul(sum, 31) + (bytes[i] as number)) | 0;
  return sum >>> 0;
}

function hash({ session, key, group }: Labels): number {
  const text = `${session}/${key}/${group}`;
  let sum = 17;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum >>> 0;
}
