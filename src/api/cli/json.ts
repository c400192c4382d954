/** Values of objects as JSON, for people and pipes: what JSON does not have takes its nearest form. */

/** Bytes in base64, other typed arrays and sets as arrays, maps as objects, big integers as strings, errors as name and message. */
export function toJson(value: unknown): string {
  return JSON.stringify(plain(value)) ?? 'null';
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array | BigInt64Array, plain);
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, plain);
  if (value instanceof Error) return { name: value.name, message: value.message };
  const fields = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(fields.map(([key, item]) => [String(key), plain(item)]));
}
