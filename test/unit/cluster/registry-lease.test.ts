/** Leases: who holds a key, until when, and what becomes of it if the registry is slow, away, or forgets. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import fc from 'fast-check';
import { holdLease, type Lease } from '../../../src/cluster/registry/lease.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import type { PutOptions, Registry, RegistryEntry } from '../../../src/cluster/registry/registry.ts';
import { RegistryError } from '../../../src/cluster/registry/registry-error.ts';
import { anyRevision, bytes, portsOf } from '../../conformance/registry-bench.ts';
import { Clock } from '../../simulation/clock.ts';

type Fault = 'refused' | 'answer lost' | 'hangs';

/** A registry whose next operations go wrong as told. */
class Faulty {
  readonly faults: (Fault | null)[] = [];
  /** Until it is cleared. */
  always: Fault | null = null;
  puts = 0;
  readonly #registry: MemoryRegistry;

  constructor(registry: MemoryRegistry) {
    this.#registry = registry;
  }

  put(key: string, value: Uint8Array, options: PutOptions): Promise<number> {
    this.puts++;
    return this.#run(() => this.#registry.put(key, value, options));
  }

  get(key: string): Promise<RegistryEntry | null> {
    return this.#run(() => this.#registry.get(key));
  }

  delete(key: string, expected: number | null): Promise<boolean> {
    return this.#run(() => this.#registry.delete(key, expected));
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const fault = this.always ?? this.faults.shift();
    if (fault === 'refused') throw new RegistryError('PeerUnreachable', 'away');
    const result = await work();
    if (fault === 'hangs') return new Promise(() => undefined);
    if (fault === 'answer lost') throw new RegistryError('CallTimedOut', 'no answer');
    return result;
  }
}

const ttlMs = 3_000;

function setUp() {
  const clock = new Clock(1_000);
  const registry = new MemoryRegistry(portsOf(clock));
  const faulty = new Faulty(registry);
  const lost: RegistryError[] = [];
  const hold = (value = 'w1', formerRevision = 0) =>
    holdLease(faulty as unknown as Registry, 'k', bytes(value), ttlMs, {
      ...portsOf(clock),
      formerRevision,
      lost: (error) => void lost.push(error),
    });
  return { clock, registry, faulty, lost, hold, wait: (ms: number) => pass(clock, ms) };
}

/** All that an event causes in memory is done before the next one. */
async function pass(clock: Clock, ms: number, check: () => void = () => undefined): Promise<void> {
  const endMs = clock.nowMs + ms;
  check();
  while (clock.step(endMs)) {
    await new Promise((resolve) => setImmediate(resolve));
    check();
  }
  clock.nowMs = endMs;
  check();
}

async function isLost(t: ExecutionContext, lease: Lease, lost: readonly RegistryError[], message: RegExp): Promise<void> {
  t.false(lease.isHeld);
  t.is(lost.length, 1);
  t.regex(lost[0]!.message, message);
  await lease.release();
}

test('lease: it is held for as long as it is renewed, a third of its ttl apart, under one epoch', async (t) => {
  const { registry, faulty, lost, hold, wait } = setUp();
  await registry.put('other', bytes(''), anyRevision);
  const lease = await hold();
  t.is(lease.epoch, 2);
  await wait(30_000);
  t.true(lease.isHeld);
  t.is(lease.epoch, 2);
  t.is(faulty.puts, 31);
  t.deepEqual(await registry.get('k'), { key: 'k', value: bytes('w1'), revision: 32 });
  t.deepEqual(lost, []);
  await lease.release();
  t.false(lease.isHeld);
  t.is(await registry.get('k'), null);
  await wait(30_000);
  t.is(faulty.puts, 31);
  t.deepEqual(lost, []);
});

test('lease: a key that somebody has is refused, unless its former revision is given', async (t) => {
  const { registry, hold } = setUp();
  const revision = await registry.put('k', bytes('w1'), { expected: 0, ttlMs });
  await t.throwsAsync(hold(), { instanceOf: RegistryError, message: /expected not to exist/ });
  const lease = await hold('w1', revision);
  t.true(lease.epoch > revision);
  await lease.release();
});

test('lease: it is lost before the registry lets another have the key', async (t) => {
  const { registry, faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  await wait(1_500);
  faulty.always = 'refused';
  const ends: string[] = [];
  registry.watch('k', {
    changed: (change) => void (change.kind === 'gone' && ends.push(lease.isHeld ? 'held' : 'not held')),
    current() {},
  });
  await wait(10_000);
  t.deepEqual(ends, ['not held']);
  await isLost(t, lease, lost, /k could not be renewed within 3000 ms: away/);
  t.is(await registry.get('k'), null);
});

test('lease: when the registry is away, the holder stops a tenth of the ttl before its key ends', async (t) => {
  const { registry, faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  faulty.always = 'refused';
  await wait(2_699);
  t.true(lease.isHeld);
  await wait(1);
  await isLost(t, lease, lost, /could not be renewed/);
  t.truthy(await registry.get('k'));
  await wait(299);
  t.truthy(await registry.get('k'));
  await wait(1);
  t.is(await registry.get('k'), null);
});

test('lease: a registry that does not answer is as good as away', async (t) => {
  const { faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  faulty.always = 'hangs';
  await wait(2_700);
  t.is(lost.length, 1);
  t.false(lease.isHeld);
});

test('lease: some failed renewals in a row do no harm', async (t) => {
  const { registry, faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  for (let i = 0; i < 10; i++) {
    faulty.faults.push('refused', 'refused', 'refused');
    await wait(3_000);
  }
  t.true(lease.isHeld);
  t.deepEqual(lost, []);
  t.truthy(await registry.get('k'));
  await lease.release();
});

test('lease: a renewal whose answer was lost is found again', async (t) => {
  const { registry, faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  for (let i = 0; i < 10; i++) {
    faulty.faults.push('answer lost', 'refused', 'answer lost');
    await wait(3_000);
  }
  t.true(lease.isHeld);
  t.deepEqual(lost, []);
  await lease.release();
  t.is(await registry.get('k'), null);
});

test('lease: a renewal that is found again counts from when the first that it may be was sent', async (t) => {
  const { clock, registry, faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  // Done at 2,000 on the clock, found at 3,200: two operations go well.
  faulty.faults.push('answer lost', 'refused', 'refused', 'refused', null, null, ...Array<Fault>(30).fill('refused'));
  await wait(3_699);
  t.true(lease.isHeld);
  await wait(1);
  t.is(clock.nowMs, 2_000 + 2_700);
  await isLost(t, lease, lost, /could not be renewed/);
  t.truthy(await registry.get('k'));
  await wait(300);
  t.is(await registry.get('k'), null);
});

test('lease: released after a renewal whose answer was lost, the key is gone all the same', async (t) => {
  const { registry, faulty, hold, wait } = setUp();
  const lease = await hold();
  faulty.faults.push('answer lost');
  await wait(1_000);
  t.is((await registry.get('k'))?.revision, 2);
  await lease.release();
  t.is(await registry.get('k'), null);
});

test('lease: a key that was deleted or taken by another is lost at the next renewal, and not touched', async (t) => {
  const { registry, lost, hold, wait } = setUp();
  const first = await hold();
  await registry.delete('k', null);
  await wait(1_000);
  await isLost(t, first, lost, /expected to have revision 1, and there is nothing/);
  lost.length = 0;
  const second = await hold();
  await registry.put('k', bytes('other'), anyRevision);
  await wait(1_000);
  await isLost(t, second, lost, /expected to have revision/);
  t.deepEqual((await registry.get('k'))?.value, bytes('other'));
});

test('lease: a key of another is not taken for the renewal whose answer was lost', async (t) => {
  const { registry, faulty, lost, hold, wait } = setUp();
  const lease = await hold();
  faulty.faults.push('refused');
  await wait(1_000);
  await registry.put('k', bytes('other'), anyRevision);
  await wait(300);
  await isLost(t, lease, lost, /expected to have revision 1/);
  t.deepEqual((await registry.get('k'))?.value, bytes('other'));
});

test('lease: also when no timer has run, it is not held beyond its time', async (t) => {
  const { clock, lost, hold } = setUp();
  const lease = await hold();
  clock.nowMs += 2_700;
  t.false(lease.isHeld);
  t.deepEqual(lost, []);
});

test('lease: an answer that takes longer than the lease lasts is a refusal, and the key is given back', async (t) => {
  const { clock, registry, hold } = setUp();
  const held = hold();
  clock.nowMs += 2_700;
  await t.throwsAsync(held, { instanceOf: RegistryError, message: /the answer took longer than it lasts/ });
  t.is(await registry.get('k'), null);
});

test('lease: release waits for a renewal under way, and rejects if the registry is away', async (t) => {
  const { clock, registry, faulty, lost, hold, wait } = setUp();
  const first = await hold();
  clock.step(clock.nowMs + 1_000);
  await first.release();
  t.is(await registry.get('k'), null);
  const second = await hold();
  faulty.always = 'refused';
  await t.throwsAsync(second.release(), { message: 'away' });
  t.false(second.isHeld);
  await wait(10_000);
  t.is(await registry.get('k'), null);
  t.deepEqual(lost, []);
});

test('lease: whatever goes wrong, never two hold the key', async (t) => {
  const fault = fc.option(fc.constantFrom<Fault>('refused', 'answer lost', 'hangs'));
  const events = fc.array(fc.record({ holder: fc.nat({ max: 2 }), fault, waitMs: fc.constantFrom(100, 500, 1_000, 2_500) }), {
    maxLength: 40,
  });
  const property = fc.asyncProperty(events, async (script) => {
    const clock = new Clock(0);
    const registry = new MemoryRegistry(portsOf(clock));
    const holders = [0, 1, 2].map((number) => ({ number, faulty: new Faulty(registry), lease: null as Lease | null, epoch: 0 }));
    let epochMax = 0;
    const check = () => {
      const held = holders.filter(({ lease }) => lease?.isHeld);
      if (held.length > 1) throw new Error(`${held.map(({ number }) => number).join(' and ')} hold it at ${clock.nowMs}`);
    };
    const take = async (holder: (typeof holders)[number]) => {
      if (holder.lease?.isHeld) return holder.lease.release().catch(() => undefined);
      try {
        const lease = await holdLease(holder.faulty as unknown as Registry, 'k', bytes(`${holder.number}`), ttlMs, {
          ...portsOf(clock),
          lost: () => check(),
        });
        if (lease.epoch <= epochMax) throw new Error(`epoch ${lease.epoch} after ${epochMax}`);
        epochMax = lease.epoch;
        holder.lease = lease;
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
      }
    };
    for (const { holder: number, fault: next, waitMs } of script) {
      const holder = holders[number]!;
      if (next) holder.faulty.faults.push(next);
      const taken = take(holder);
      if (next !== 'hangs') await Promise.race([taken, new Promise((resolve) => setImmediate(resolve))]);
      await pass(clock, waitMs, check);
    }
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 200 }));
});
