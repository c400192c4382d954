import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

type Drivers = Readonly<Record<string, (peer: object, settings: object) => Promise<readonly number[]>>>;
// Plain JavaScript, since the processes of peers run it: no types come with it.
const { drivers } = (await import(new URL('../../../bench/peers/drivers.mjs', import.meta.url).href)) as { drivers: Drivers };

const file = join(tmpdir(), `pheromone-drivers-test-${process.pid}`);
test.before(() => writeFile(file, 'a b'));
test.after.always(async () => (await import('node:fs/promises')).rm(file, { force: true }));

const counted = (payload: Uint8Array, hops: number) => {
  new DataView(payload.buffer).setUint32(0, hops, true);
  return payload;
};
const shares = [{ words: 2, distinct: 2, fingerprint: 7 }];

/** Of each driver: what it is told, a peer that is right, and peers that are wrong. */
const cases: Readonly<Record<string, readonly [settings: object, right: object, ...wrong: object[]]>> = {
  call: [{ calls: 2 }, { call: async (i: number) => i + 1 }, { call: async (i: number) => i }, { call: async () => undefined }],
  chain: [{ length: 3, chains: 2 }, { chain: async (length: number) => length }, { chain: async () => 2 }],
  chainBytes: [
    { length: 3, chains: 1, payloadBytes: 10 },
    { chainBytes: async (length: number, payload: Uint8Array) => counted(payload, length) },
    { chainBytes: async (_: number, payload: Uint8Array) => counted(payload, 2) },
    { chainBytes: async (length: number, payload: Uint8Array) => counted(payload.fill(0), length) },
    { chainBytes: async (length: number) => counted(new Uint8Array(9).fill(7), length) },
  ],
  fan: [{ width: 4, fans: 2 }, { fan: async () => 6 }, { fan: async () => 4 }],
  pass: [
    { sizeBytes: 9, objects: 2 },
    { pass: async () => ({ tookMs: 1, good: true }) },
    { pass: async () => ({ tookMs: 1, good: false }) },
  ],
  throughput: [{ sessions: 5, open: 2 }, { call: async (i: number) => i + 1 }, { call: async (i: number) => (i === 4 ? 0 : i + 1) }],
  sleep: [
    { count: 2, ms: 5 },
    { sleep: (count: number) => new Promise((wake) => setTimeout(wake, 20, count)) },
    { sleep: () => new Promise((wake) => setTimeout(wake, 20, 1)) },
    { sleep: async (count: number) => count },
  ],
  wordCount: [
    { files: [file], reducers: 1, functions: '', expected: '2,2,7' },
    { wordCount: async () => shares },
    { wordCount: async () => [] },
    { wordCount: async () => [...shares, ...shares] },
  ],
};

test('bench: drivers: each has its case here', (t) => {
  t.deepEqual(Object.keys(drivers).sort(), Object.keys(cases).sort());
});

for (const [name, [settings, right, ...wrong]] of Object.entries(cases)) {
  test(`bench: drivers: ${name}: measures a peer that is right, and refuses a wrong answer`, async (t) => {
    const values = (await drivers[name]?.(right, settings)) ?? [];
    t.true(values.length > 0 && values.every((value) => value >= 0));
    for (const peer of wrong) await t.throwsAsync(async () => drivers[name]?.(peer, settings), { message: /wrong result/ });
  });
}
