/** What our measures of the same names do, as users of a thread pool write it: what comes next is decided by the caller. */
import { fanWidth, markByte, payloadBytes } from '../apps/paths.ts';
import { inLanes, type Measure, timed } from '../measure.ts';
import type { Peer, Pool } from '../peers.ts';
import { check, executors } from '../runtime.ts';
import { backToBack, warmUps as callWarmUps } from './call.ts';
import { length, warmUps as chainWarmUps } from './chain.ts';
import { times as fanTimes, warmUps as fanWarmUps } from './fan.ts';
import { sizes, times as passTimes } from './pass.ts';
import { open, sessions } from './throughput.ts';
import { poolMeasure } from './word-count.ts';

export function peerMeasures(peer: Peer): readonly Measure[] {
  const of = (
    name: string,
    unit: string,
    settings: Measure['settings'],
    sample: (pool: Pool) => Promise<readonly number[]>,
    warmUps = 0,
  ): Measure => ({
    name,
    system: peer.name,
    unit,
    settings: { threads: executors, ...settings },
    async prepare() {
      const pool = peer.open();
      // As often as ours, so that its code is compiled too.
      for (let i = 0; i < warmUps; i++) await sample(pool);
      return { sample: () => sample(pool), close: () => pool.destroy() };
    },
  });
  return [
    of('call', 'µs', { calls: `${backToBack} back to back` }, call, callWarmUps / backToBack),
    of('chain', 'µs/hop', { length, payload: 'none' }, chain, chainWarmUps),
    of('chain', 'µs/hop', { length, payload: `${payloadBytes} bytes` }, chainBytes, chainWarmUps),
    of('fan', 'ms', { width: fanWidth }, fan, fanWarmUps / fanTimes),
    ...Object.entries(sizes).map(([size, sizeBytes]) => of('pass', 'µs', { size }, (pool) => pass(pool, sizeBytes))),
    of('throughput', 'sessions/s', { sessions, open }, throughput),
    poolMeasure(peer),
  ];
}

async function call(pool: Pool): Promise<number[]> {
  const values = [];
  for (let i = 0; i < backToBack; i++)
    values.push(1_000 * (await timed(async () => check((await pool.run(i, { name: 'next' })) === i + 1, 'call'))));
  return values;
}

async function chain(pool: Pool): Promise<number[]> {
  const tookMs = await timed(async () => {
    let left: unknown = length;
    for (let i = 0; i < length; i++) left = await pool.run(Number(left) - 1, { name: 'same' });
    check(left === 0, 'chain');
  });
  return [(1_000 * tookMs) / length];
}

async function chainBytes(pool: Pool): Promise<number[]> {
  const tookMs = await timed(async () => {
    let payload = new Uint8Array(payloadBytes).fill(markByte);
    new DataView(payload.buffer).setUint32(0, length, true);
    for (let i = 0; i < length; i++) {
      const view = new DataView(payload.buffer, payload.byteOffset);
      view.setUint32(0, view.getUint32(0, true) - 1, true);
      payload = (await pool.run(payload, { name: 'same' })) as typeof payload;
    }
    const left = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    check(left === 0 && payload.byteLength === payloadBytes && payload.at(-1) === markByte, 'chain');
  });
  return [(1_000 * tookMs) / length];
}

async function fan(pool: Pool): Promise<number[]> {
  const once = async () => {
    const pieces = await Promise.all(Array.from({ length: fanWidth }, (_, i) => pool.run(i, { name: 'same' })));
    check((await pool.run(pieces, { name: 'count' })) === fanWidth && pieces.at(-1) === fanWidth - 1, 'fan');
  };
  const values = [];
  for (let i = 0; i < fanTimes; i++) values.push(await timed(once));
  return values;
}

async function pass(pool: Pool, sizeBytes: number): Promise<number[]> {
  const values = [];
  // Each copy of 100 MB takes long enough to be seen in a few.
  const times = sizeBytes === sizes['100 MB'] ? 3 : passTimes;
  for (let i = 0; i < times; i++) {
    const bytes = await pool.run(sizeBytes, { name: 'produce' });
    const { tookMs, good } = (await pool.run(bytes, { name: 'consume' })) as { tookMs: number; good: boolean };
    check(good, 'pass');
    values.push(1_000 * tookMs);
  }
  return values;
}

async function throughput(pool: Pool): Promise<number[]> {
  const tookMs = await timed(() =>
    inLanes(sessions, open, async (i) => check((await pool.run(i, { name: 'next' })) === i + 1, 'throughput')),
  );
  return [sessions / (tookMs / 1_000)];
}
