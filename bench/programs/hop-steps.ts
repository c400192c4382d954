/**
 * The parts of a hop, each by itself, in this thread; and a whole chain in this thread, which is what an executor does with it. `measures/budget.ts`
 * bundles it: as the package is, without what a loader of TypeScript adds to each closure.
 */
import { compileApp } from '../../src/actors/app.ts';
import { planSolo } from '../../src/actors/solo/plan.ts';
import { SoloSession } from '../../src/actors/solo/session.ts';
import { Attempt } from '../../src/cluster/executors/attempt.ts';
import { Blocks } from '../../src/cluster/executors/blocks.ts';
import { NodeExit } from '../../src/cluster/executors/exit.ts';
import { StoredInput } from '../../src/cluster/executors/input.ts';
import type { ThreadServices } from '../../src/cluster/executors/services.ts';
import { encode } from '../../src/cluster/encode.ts';
import { SoloJob } from '../../src/cluster/solo/job.ts';
import { SoloRunner } from '../../src/cluster/solo/runner.ts';
import { openSession, type SoloApp } from '../../src/cluster/solo/running.ts';
import { decodeValue } from '../../src/storage/value.ts';
import { JournalWriter, readOutput, writeFields } from '../../src/storage/solo/journal.ts';
import { slotState, stageEnded, stageOf, stageQueued, stageRunning } from '../../src/storage/solo/slot-state.ts';
import { createSoloMemory } from '../../src/storage/solo/memory.ts';
import { SoloTable } from '../../src/storage/solo/table.ts';
import { chain, hop } from '../apps/paths.ts';

export const hops = 1_000;
const times = 20_000;
const chains = 20;
const slot = 3;

function never(): never {
  throw new Error('bug: a benchmark asks for more than it should');
}

const node = { send: never };
const services: ThreadServices = {
  arena: new Uint8Array(0),
  node,
  blocks: new Blocks({ owner: 'bench', arena: never, node, inlineBytesMax: 1_024, waitMs: 1, reserve: 'running' }),
  isCongested: () => false,
  hasRoom: () => Promise.resolve(),
  ask: never,
  logOf: never,
  durableOf: never,
};

/** An executor's part, in this thread. */
class Bench {
  readonly table: SoloTable;
  readonly app: SoloApp;
  readonly runner: SoloRunner<SoloApp>;
  readonly handler = hop.handler;

  constructor() {
    const memory = createSoloMemory(32, 1);
    if (!memory) never();
    this.table = new SoloTable(memory);
    const table = compileApp(chain.definition, 1);
    this.app = { table, plan: planSolo(table) };
    this.runner = new SoloRunner<SoloApp>({
      table: this.table,
      place: 0,
      invocationsMax: 1_000_000,
      nowMs: () => performance.now(),
      inTurn: (callback) => void setImmediate(callback),
      appOf: () => this.app,
      isFree: () => true,
      start: (job) => this.#start(job),
      exitOf: (name) => new NodeExit(services, name),
      adopted: never,
      ended: never,
      handedOver: never,
      freeBlocks: never,
      paused: () => undefined,
      rested: () => undefined,
    });
  }

  /** A session that begins with one object. */
  open(value: number): void {
    const { table } = this;
    table.releaseSlabs(slot);
    table.give(slot, 0);
    table.nextGeneration(slot);
    writeFields(table, slot, { install: 1, openedMs: Date.now(), maker: 1, counter: 1 });
    const journal = new JournalWriter(table, slot);
    const { encoding, bytes } = encode(value);
    journal.object(0, 0, '0', null, { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 });
    table.give(slot, slotState(stageQueued, 0, journal.position));
    table.post(0, slot);
  }

  async chain(): Promise<void> {
    this.open(hops);
    this.runner.answer();
    while (stageOf(this.table.state(slot)) !== stageEnded) await new Promise((resolve) => setImmediate(resolve));
    const output = readOutput(this.table, slot);
    if (!output?.inline || decodeValue(output.encoding, output.inline) !== 0) throw new Error('wrong result: budget');
  }

  #start(job: SoloJob<SoloApp>): boolean {
    return new Attempt(job, services, job).run(this.handler, (failure) => this.runner.finished(job, failure));
  }
}

function writerOf(table: SoloTable): JournalWriter {
  const journal = new JournalWriter(table, slot);
  journal.state = table.state(slot);
  return journal;
}

function publish(table: SoloTable, journal: JournalWriter): void {
  const state = slotState(stageRunning, 0, journal.position);
  if (!table.swap(slot, journal.state, state)) never();
  journal.state = state;
}

/** What a hop consists of; each does its part `times` times. */
const parts: Readonly<Record<string, (bench: Bench) => unknown>> = {
  'encode a number': () => {
    for (let i = 0; i < times; i++) encode(i & 1_023);
  },
  'decode a number': () => {
    const { encoding, bytes } = encode(500);
    for (let i = 0; i < times; i++) decodeValue(encoding, bytes);
  },
  'journal an object and publish it': ({ table }) => {
    const { encoding, bytes } = encode(500);
    const ref = { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 };
    let journal = writerOf(table);
    for (let i = 0; i < times; i++) {
      if (i % 64 === 0) journal = writerOf(table);
      journal.object(1, 0, '0', null, ref);
      publish(table, journal);
    }
  },
  'evaluate the trigger, begin and publish it': ({ table, app }) => {
    const { encoding, bytes } = encode(500);
    const ref = { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 };
    const session = new SoloSession(app.plan);
    let journal = writerOf(table);
    for (let i = 0; i < times; i++) {
      if (i % 64 === 0) journal = writerOf(table);
      session.admit({ bucket: 0, key: '0', group: null, ref }, 1);
      const firing = session.peek();
      if (!firing) never();
      journal.begin(firing.trigger.index, firing.inputs);
      publish(table, journal);
      session.begin();
    }
  },
  'make the context and its input': (bench) => {
    bench.open(1);
    const running = openSession(bench.table, slot, () => bench.app);
    if (!running) never();
    const { encoding, bytes } = encode(500);
    running.solo.admit({ bucket: 0, key: '0', group: null, ref: { encoding, sizeBytes: 1, inline: bytes, offset: -1 } }, 0);
    const firing = running.solo.peek();
    if (!firing) never();
    for (let i = 0; i < times; i++) {
      const job = new SoloJob(bench.runner, running, firing);
      new Attempt(job, services, job).end();
      new StoredInput(job.inputs[0] ?? never(), services.arena).bytes.at(0);
    }
  },
  'call an async function and go on': async () => {
    const fn = async (i: number) => i;
    for (let i = 0; i < times; i++) await new Promise<void>((resolve) => void fn(i).then(() => resolve()));
  },
};

const aChain = 'a whole hop';
export const names: readonly string[] = [...Object.keys(parts), aChain];

/** Gives a function that measures a step: nanoseconds. */
export function prepareStep(name: string): () => Promise<number[]> {
  const bench = new Bench();
  const run = parts[name];
  return run ? async () => [await perTime(() => run(bench), times)] : () => ofChains(bench);
}

async function ofChains(bench: Bench): Promise<number[]> {
  const values = [];
  for (let i = 0; i < chains; i++) values.push(await perTime(() => bench.chain(), hops));
  return values;
}

async function perTime(work: () => unknown, count: number): Promise<number> {
  const before = performance.now();
  await work();
  return (1e6 * (performance.now() - before)) / count;
}
