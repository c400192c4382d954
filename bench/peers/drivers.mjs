/**
 * What is done with a peer, and how long that takes: the same for all. Each checks what came back. A peer is what `open` of one of
 * `systems/` gives; it has a method per workload.
 */
import { readFileSync } from 'node:fs';

/** Of a payload: what its last byte must stay. */
const markByte = 7;

/** The parts of a text, by their files: it lies in the memory of this process before it is counted. */
const texts = new Map();

export const drivers = {
  /** One function, called back to back. Microseconds of each. */
  async call(peer, { calls }) {
    const values = [];
    for (let i = 0; i < calls; i++) {
      const tookMs = await timed(async () => check((await peer.call(i)) === i + 1, 'call'));
      values.push(1_000 * tookMs);
    }
    return values;
  },

  /** Functions one after the other, each with what the one before gave. Microseconds per hop. */
  async chain(peer, { length, chains }) {
    return repeat(chains, async () => {
      const tookMs = await timed(async () => check((await peer.chain(length)) === length, 'chain'));
      return (1_000 * tookMs) / length;
    });
  },

  /** The same with a payload; its first four bytes count the hops. */
  async chainBytes(peer, { length, chains, payloadBytes }) {
    return repeat(chains, async () => {
      const payload = new Uint8Array(payloadBytes).fill(markByte);
      new DataView(payload.buffer).setUint32(0, 0, true);
      const tookMs = await timed(async () => {
        const last = await peer.chainBytes(length, payload);
        const hops = new DataView(last.buffer, last.byteOffset).getUint32(0, true);
        check(hops === length && last.byteLength === payloadBytes && last.at(-1) === markByte, 'chain');
      });
      return (1_000 * tookMs) / length;
    });
  },

  /** Functions side by side, and one with all that they gave. Milliseconds. */
  async fan(peer, { width, fans }) {
    const sum = (width * (width - 1)) / 2;
    return repeat(fans, () => timed(async () => check((await peer.fan(width)) === sum, 'fan')));
  },

  /** A function hands bytes to another. Microseconds from when they are written until the other one runs. */
  async pass(peer, { sizeBytes, objects }) {
    return repeat(objects, async () => {
      const { tookMs, good } = await peer.pass(sizeBytes);
      check(good, 'pass');
      return 1_000 * tookMs;
    });
  },

  /** Many calls open at once. Sessions per second. */
  async throughput(peer, { sessions, open }) {
    let next = 0;
    const lane = async () => {
      while (next < sessions) {
        const i = next++;
        check((await peer.call(i)) === i + 1, 'throughput');
      }
    };
    const tookMs = await timed(() => Promise.all(Array.from({ length: open }, lane)));
    return [sessions / (tookMs / 1_000)];
  },

  /** Functions that wait, all at once. Milliseconds until the last has woken. */
  async sleep(peer, { count, ms }) {
    const tookMs = await timed(async () => check((await peer.sleep(count, ms)) === count, 'sleep'));
    check(tookMs >= ms, 'sleep: too short');
    return [tookMs];
  },

  /** Words of a text: `functions` is a module with `mapPart` and `reduceShare`. Milliseconds. */
  async wordCount(peer, { functions, files, reducers, expected }) {
    for (const file of files) if (!texts.has(file)) texts.set(file, new Uint8Array(readFileSync(file)));
    const parts = files.map((file) => texts.get(file));
    let shares = [];
    const tookMs = await timed(async () => (shares = await peer.wordCount(parts, reducers, functions)));
    const total = (field) => shares.reduce((sum, share) => sum + share[field], 0);
    check([total('words'), total('distinct'), total('fingerprint') % 2 ** 32].join() === expected, 'word-count');
    return [tookMs];
  },
};

async function repeat(times, work) {
  const values = [];
  for (let i = 0; i < times; i++) values.push(await work());
  return values;
}

async function timed(work) {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

function check(isRight, what) {
  if (!isRight) throw new Error(`wrong result: ${what}`);
}
