/** Rows as strings of bytes, a character each. They are encoded as users' values are: what a user's primitive may hold comes back. */
import type { Packing } from '../actors/packing.ts';
import { copyValue, encodeValue, NotEncodableError } from '../storage/value.ts';

const cbor = encodeValue([]).encoding;

export const packing: Packing = {
  pack(row) {
    try {
      const { buffer, byteOffset, byteLength } = encodeValue(row).bytes;
      return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
    } catch (error) {
      if (error instanceof NotEncodableError) return null;
      throw error;
    }
  },
  unpack: (packed) => copyValue(cbor, Buffer.from(packed, 'latin1')) as readonly unknown[],
};
