/** What the threads of the peers run: a plain module, so that worker threads of Node 20 can load it. */

/**
 * Of chains and fans.
 * @param {unknown} value
 */
export async function same(value) {
  return value;
}

/** @param {number} value */
export async function next(value) {
  return value + 1;
}

/** @param {readonly unknown[]} values */
export async function count(values) {
  return values.length;
}

/**
 * As `produce` in apps/paths.ts: the last thing it does is to note the time.
 * @param {number} sizeBytes
 */
export async function produce(sizeBytes) {
  // Written in full: pages that nobody has written cost less to read.
  const bytes = new Uint8Array(sizeBytes).fill(3);
  bytes[0] = 1;
  bytes[bytes.length - 1] = 2;
  new DataView(bytes.buffer).setFloat64(8, Number(process.hrtime.bigint()), true);
  return bytes;
}

/** @param {Uint8Array} bytes */
export async function consume(bytes) {
  const began = Number(process.hrtime.bigint());
  const produced = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8, true);
  return { tookMs: (began - produced) / 1e6, good: bytes[0] === 1 && bytes.at(-1) === 2 };
}
