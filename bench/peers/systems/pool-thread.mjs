/** What the threads of the pools run. */

// #region call chain
export const next = async (value) => value + 1;
// #endregion

/** @param {Uint8Array} payload */
export async function hop(payload) {
  const view = new DataView(payload.buffer, payload.byteOffset);
  view.setUint32(0, view.getUint32(0, true) + 1, true);
  return payload;
}

// #region fan
export const same = async (value) => value;
export const sum = async (values) => values.reduce((sum, value) => sum + value, 0);
// #endregion

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
