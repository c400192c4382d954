/**
 * Sessions in which nothing happens until something comes from outside: what their triggers hold is packed until then.
 *
 *   B7  Whatever is about a session that rests finds its triggers as they were.
 */
import type { SessionNumber } from '../protocol/bucket.ts';
import { SparseMap } from '../sparse.ts';
import type { BucketState, SessionTriggers } from './state.ts';

export function rest(bucket: BucketState, number: SessionNumber, revision: number): void {
  const triggers = bucket.sessions.get(number)?.triggers;
  if (!triggers || triggers.some(({ timers }) => timers.size > 0)) return;
  const states = triggers.map(({ state }) => state);
  // Without a state they are made anew when they are needed.
  const packed = states.every((state) => state === null) ? '' : bucket.packing?.pack([revision, states]);
  // A custom primitive may hold what is not plain data: then it is left as it is.
  if (packed === null || packed === undefined) return;
  bucket.sessions.delete(number);
  if (packed !== '') bucket.resting.set(number, packed);
}

/** What the bucket holds of the session. */
export function sessionOf(bucket: BucketState, number: SessionNumber): SessionTriggers | undefined {
  const { packing, resting } = bucket;
  const packed = resting.get(number);
  if (packed === undefined || !packing) return bucket.sessions.get(number);
  const [revision, states] = packing.unpack(packed) as unknown as [number, readonly unknown[]];
  const rows = bucket.revisions.get(revision) ?? [];
  const session = { triggers: rows.map((row, i) => ({ row, state: states[i], timers: new SparseMap<string, number>() })) };
  resting.delete(number);
  bucket.sessions.set(number, session);
  return session;
}
