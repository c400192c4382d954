/** Key pairs of CURVE: curve25519, which Node calls X25519, as Z85 text. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeZ85, encodeZ85 } from './z85.ts';

export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

const keyBytes = 32;
/** Of a secret key in PKCS #8: what stands before its bytes (RFC 8410). */
const pkcs8Head = Buffer.from('302e020100300506032b656e04220420', 'hex');

export function createKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(pkcs8Head.length);
  return { publicKey: publicOf(privateKey), secretKey: encodeZ85(secret) };
}

export function isKey(text: unknown): text is string {
  return typeof text === 'string' && decodeZ85(text)?.byteLength === keyBytes;
}

/** The public key that belongs to a secret one. */
export function publicKeyOf(secretKey: string): string {
  const bytes = Buffer.concat([pkcs8Head, decodeZ85(secretKey) ?? Buffer.alloc(0)]);
  return publicOf(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }));
}

function publicOf(key: KeyObject): string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return encodeZ85(Buffer.from(x, 'base64url'));
}
