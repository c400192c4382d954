/**
 * How two meshes introduce themselves: the dialler with a hello, the other with a welcome or a refusal.
 *
 *   N1  The version is a hash over the list of messages and their fields, which is the wire format: who differs would mis-read silently.
 */
import { createHash } from 'node:crypto';
import { type ErrorData, errorCodes, errorData } from '../../../actors/protocol/error.ts';
import { fieldsOf } from '../../wire/fields.ts';

export type PeerRole = 'coordinator' | 'worker' | 'client';

export interface PeerInfo {
  readonly name: string;
  readonly role: PeerRole;
  /** Greater than that of any process of this name before. */
  readonly incarnation: number;
  /** What was dialled to reach it, else what it says of itself; null: it cannot be dialled. */
  readonly address: string | null;
}

/** What a mesh says of itself. */
export interface Greeting extends PeerInfo {
  readonly version: string;
  /** Of a node that dials, where there are keys: that it has the cluster's (`keys/keys.ts`, K2). */
  readonly seal: string | null;
}

/** For what the list of fields does not show: how refs and inputs travel, and what is said by datagrams. */
const formatNumber = 3;

export const protocolVersion = `${formatNumber}-${createHash('sha256').update(JSON.stringify(fieldsOf)).digest('hex').slice(0, 12)}`;

const namePattern = /^[^\s@/\p{Cc}]{1,128}$/u;
const roles: readonly unknown[] = ['coordinator', 'worker', 'client'];
const textLengthMax = 1_024;

/** Null: it is none. Of another version no more is read than this. */
export function readGreeting(body: unknown): Greeting | null {
  if (typeof body !== 'object' || body === null) return null;
  const { version, name, role, incarnation, address, seal = null } = body as Record<keyof Greeting, unknown>;
  if (!isText(version) || !isText(name) || !namePattern.test(name) || !roles.includes(role)) return null;
  if (!Number.isSafeInteger(incarnation) || (incarnation as number) < 1) return null;
  if ((address !== null && !isText(address)) || (seal !== null && !isText(seal))) return null;
  return { version, name, role: role as PeerRole, incarnation: incarnation as number, address, seal };
}

/** An error that another node sends as JSON; null: it is none. */
export function readError(body: unknown): ErrorData | null {
  if (typeof body !== 'object' || body === null) return null;
  const { code, message, retryable, detail } = body as Record<keyof ErrorData, unknown>;
  const known = errorCodes.find((one) => one === code);
  if (known === undefined || typeof message !== 'string' || typeof detail !== 'object' || detail === null) return null;
  return errorData(known, message.slice(0, textLengthMax), { ...detail }, retryable === true);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= textLengthMax;
}
