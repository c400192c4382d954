/**
 * Copies of small bytes. A typed array of more than 64 bytes has memory of its own outside of the heap, which takes longer to get than
 * to fill; here many share one piece.
 */
const inHeapBytesMax = 64;
const sharedBytesMax = 1_024;
const pieceBytes = 8 * 1_024;
/** So that every typed array may lie there. */
const alignmentBytes = 8;

let piece = new Uint8Array(0);
let used = 0;

/** Nobody else writes what it returns; its `buffer` may hold other bytes beside. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const { byteLength } = bytes;
  if (byteLength <= inHeapBytesMax || byteLength > sharedBytesMax) return new Uint8Array(bytes);
  if (used + byteLength > piece.byteLength) {
    piece = new Uint8Array(pieceBytes);
    used = 0;
  }
  const copy = piece.subarray(used, used + byteLength);
  used = (used + byteLength + alignmentBytes - 1) & -alignmentBytes;
  copy.set(bytes);
  return copy;
}
