/**
 * Sleeping sessions: those that are open only because they wait for the outside. They may be many, and wait for days; of each there is
 * one string of bytes instead of rows, and its buckets keep their part alike (`restSession`).
 *
 *        rows ── settled: quiet, and an external bucket waits ──► asleep: id → bytes
 *             ◄────── a put, a stop, its deadline ────────────────
 *
 *   Z1  Nothing under way is about a sleeping session: no message, invocation or timer, and no object that is brought here.
 *   Z2  Its row wakes as it was, under the same number: objects, counters, the blocks that it holds.
 *   Z3  It is open like any other: it is counted, keeps its revision, and has its deadline.
 */
import { send, type Out } from '../actor.ts';
import type { OpenedSpec } from '../protocol/session.ts';
import type { Ref } from '../../storage/object.ts';
import { createRow } from './session-row.ts';
import { bucketAddress, type SchedulerState, type Session, type SessionObject } from './state.ts';

export function countOpen({ sessions, asleep }: SchedulerState): number {
  return sessions.size + asleep.size;
}

export function isOpen({ sessionById, asleep }: SchedulerState, id: string): boolean {
  return sessionById.has(id) || asleep.has(id);
}

/** The row of an open session, to be read: one that sleeps goes on sleeping unless it is woken. */
export function sessionOf({ sessionById, asleep, packing, installs }: SchedulerState, id: string): Session | undefined {
  const packed = asleep.get(id);
  if (packed === undefined) return sessionById.get(id);
  return packing ? unpack(id, packing.unpack(packed) as unknown as Packed, installs) : undefined;
}

/** Before a row of `sessionOf` is changed, or anything is sent that will be answered. */
export function wake(state: SchedulerState, session: Session): Session {
  const { id } = session.spec;
  if (!state.asleep.delete(id)) return session;
  state.sessions.set(session.number, session);
  state.sessionById.set(id, session);
  return session;
}

/** To be called when the session is quiet, and waits for the outside. */
export function sleep(state: SchedulerState, session: Session, out: Out): void {
  if (!state.packing || isBrought(state, session)) return;
  const packed = state.packing.pack(pack(session));
  if (packed === null) throw new Error(`bug: the row of session ${session.spec.id} is not plain data`);
  const { number, spec, table, touched } = session;
  state.sessions.delete(number);
  state.sessionById.delete(spec.id);
  state.asleep.set(spec.id, packed);
  for (const index of touched) {
    const bucket = table.buckets[index];
    if (bucket) out.push(send(bucketAddress(table.name, bucket.name), { kind: 'restSession', session: number, revision: table.revision }));
  }
}

/** An object of it is on its way here, for somebody who has asked. */
function isBrought({ cluster }: SchedulerState, session: Session): boolean {
  for (const bringing of cluster?.bringing.values() ?? []) if (bringing.session === session) return true;
  return false;
}

/** In the order of `pack`. */
type Packed = readonly [
  number: number,
  install: number,
  spec: readonly [client: string, called: boolean, priority: number, retryOf: string | null],
  coordinator: string,
  firing: Session['firing'],
  times: readonly [openedMs: number, dueMs: number],
  objects: readonly PackedObject[],
  blocks: readonly number[],
  hosts: readonly string[],
  touched: readonly number[],
  totals: readonly [outputs: number, superseded: number, tooLate: number, invocationsMade: number],
  counts: readonly (readonly [invocations: number, attempts: number, reruns: number, failures: number])[],
];

type PackedObject = readonly [
  bucket: number,
  key: string,
  group: string | null,
  near: number,
  encoding: number,
  sizeBytes: number,
  inline: Uint8Array | null,
  offset: number,
  remote?: Ref['remote'],
];

function pack(session: Session): Packed {
  const { number, app, spec, coordinator, firing, openedMs, dueMs, objects, owned, hosts, touched } = session;
  const { outputs, superseded, tooLate, invocationsMade, counts } = session;
  return [
    number,
    app.install,
    [spec.client, spec.called, spec.priority, spec.retryOf],
    coordinator,
    firing,
    [openedMs, dueMs],
    objects.map(packObject),
    owned,
    [...hosts],
    [...touched],
    [outputs, superseded, tooLate, invocationsMade],
    counts.map(({ invocations, attempts, reruns, failures }) => [invocations, attempts, reruns, failures] as const),
  ];
}

function packObject({ bucket, key, group, near, ref }: SessionObject): PackedObject {
  const { encoding, sizeBytes, inline, offset, remote } = ref;
  const packed = [bucket, key, group, near, encoding, sizeBytes, inline, offset] as const;
  return remote ? [...packed, remote] : packed;
}

function unpack(id: string, packed: Packed, installs: SchedulerState['installs']): Session {
  const [number, install, [client, called, priority, retryOf], coordinator, firing, [openedMs, dueMs], objects] = packed;
  const [, , , , , , , blocks, hosts, touched, [outputs, superseded, tooLate, invocationsMade], counts] = packed;
  const app = installs.get(install);
  if (!app) throw new Error(`bug: session ${id} sleeps, and its revision is gone`);
  const spec: OpenedSpec = { id, app: app.table.name, client, called, priority, retryOf };
  const session = createRow({ number, spec, coordinator, app, firing, home: null, openedMs, dueMs });
  for (const [index, object] of objects.entries()) session.objects.push(unpackObject(id, index, object));
  session.owned.push(...blocks);
  for (const host of hosts) session.hosts.add(host);
  for (const index of touched) session.touched.add(index);
  for (const [i, [invocations, attempts, reruns, failures]] of counts.entries())
    session.counts[i] = { invocations, attempts, reruns, failures };
  return Object.assign(session, { outputs, superseded, tooLate, invocationsMade });
}

function unpackObject(session: string, index: number, packed: PackedObject): SessionObject {
  const [bucket, key, group, near, encoding, sizeBytes, inline, offset, remote] = packed;
  const ref = { encoding, sizeBytes, inline, offset, ...(remote && { remote }) };
  return { index, bucket, key, group, session, source: null, near, ref };
}
