/** Meshes for tests: each closed at its test's end, with what it has heard and said. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { ErrorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Mesh, type MeshLimits, type MeshOptions, meshLimitsDefault, type PeerInfo } from '../../../src/cluster/transport/zmq/mesh.ts';
import type { PeerLink } from '../../../src/cluster/transport/zmq/peer-link.ts';

export const quickLimits: MeshLimits = {
  ...meshLimitsDefault,
  heartbeatMs: 40,
  peerTimeoutMs: 400,
  handshakeTimeoutMs: 1_000,
  reconnectMsMin: 10,
  reconnectMsMax: 40,
  resendMsMin: 100,
  resendMsMax: 400,
};

export interface LogEntry {
  readonly level: string;
  readonly text: string;
  readonly detail: object;
}

export interface TestMesh {
  readonly mesh: Mesh;
  /** The numbers of the requests that came, and from whom. */
  readonly got: number[];
  readonly from: string[];
  readonly ups: PeerInfo[];
  readonly downs: { readonly peer: PeerInfo; readonly error: ErrorData }[];
  readonly log: LogEntry[];
}

let incarnations = Date.now();

export type TestMeshOptions = Omit<Partial<MeshOptions>, 'limits'> & { readonly limits?: Partial<MeshLimits> };

export function openMesh(t: ExecutionContext, name: string, options: TestMeshOptions = {}): TestMesh {
  const one: Omit<TestMesh, 'mesh'> = { got: [], from: [], ups: [], downs: [], log: [] };
  const mesh = new Mesh({
    role: 'worker',
    incarnation: ++incarnations,
    log: (level, text, detail) => one.log.push({ level, text, detail }),
    received(from, envelopes) {
      for (const { message } of envelopes) {
        one.got.push((message as { request: number }).request);
        one.from.push(from.name);
      }
    },
    peerUp: (peer) => one.ups.push(peer),
    peerDown: (peer, error) => one.downs.push({ peer, error }),
    ...options,
    name,
    limits: { ...quickLimits, ...options.limits },
  });
  t.teardown(() => mesh.close({ lingerMs: 0 }));
  return { mesh, ...one };
}

export const anyPort = 'tcp://127.0.0.1:0';

/** Two of them, `a` having dialled `b`. */
export async function openPair(t: ExecutionContext, options: TestMeshOptions = {}): Promise<readonly [TestMesh, TestMesh]> {
  const [a, b] = [openMesh(t, 'a', options), openMesh(t, 'b', options)];
  await a.mesh.connect(await b.mesh.listen(anyPort), 10_000);
  return [a, b];
}

export const done = (request: number, result: unknown = null): Message => ({ kind: 'requestDone', request, result });

export function wayTo({ mesh }: TestMesh, peer: string): PeerLink {
  const link = mesh.outletTo(peer);
  if (!link) throw new Error(`${mesh.name} has no way to ${peer}`);
  return link;
}

export function say(from: TestMesh, peer: string, ...requests: readonly number[]): void {
  const way = wayTo(from, peer);
  for (const request of requests) way.send('somebody', done(request));
  way.flush();
}

export async function until(what: string, holds: () => boolean, withinMs = 20_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain until ${what}`);
    await sleep(5);
  }
}

export const numbers = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i);

/** Exactly 0, 1, 2, … `count` - 1. Says where it is otherwise, not all that came. */
export function cameInOrder(t: ExecutionContext, { mesh, got }: Pick<TestMesh, 'mesh' | 'got'>, count: number): void {
  const wrong = got.findIndex((request, i) => request !== i);
  const shown = wrong === -1 ? '' : `, at ${wrong}: ${got.slice(Math.max(0, wrong - 3), wrong + 8).join(' ')}`;
  t.true(got.length === count && wrong === -1, `${mesh.name} got ${got.length} of ${count}${shown}`);
}

export function onlyFrom(peer: string, { mesh, got, from }: TestMesh): Pick<TestMesh, 'mesh' | 'got'> {
  return { mesh, got: got.filter((_, i) => from[i] === peer) };
}
