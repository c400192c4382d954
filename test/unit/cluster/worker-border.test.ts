/** What leaves a worker for others, and what they say of it later (`worker-border.ts`). */
import test from 'ava';
import type { Address } from '../../../src/actors/actor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { defaultConfig } from '../../../src/cluster/config.ts';
import { Host } from '../../../src/cluster/host.ts';
import type { Node } from '../../../src/cluster/node/node.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import { inOwnMemory, ObjectFetcher, TransferFailed } from '../../../src/cluster/transfer/object-fetcher.ts';
import type { Way } from '../../../src/cluster/transfer/object-sender.ts';
import type { Envelope } from '../../../src/cluster/wire/codec.ts';
import { refsOf } from '../../../src/cluster/wire/refs.ts';
import { WorkerBorder } from '../../../src/cluster/worker-border.ts';
import type { Ref } from '../../../src/storage/object.ts';
import { ObjectStore } from '../../../src/storage/object-store.ts';
import { createSegment } from '../../../src/storage/segment.ts';
import { ManualTimers } from '../storage/manual-timers.ts';
import { turn } from './transfer-driver.ts';

const lodge: Message = {
  kind: 'lodge',
  home: 'scheduler@w1',
  session: 's',
  invocation: 3,
  attempt: 2,
  app: 'app',
  revision: 1,
  function: 0,
  priority: 5,
  inputs: [],
  owned: [],
  failure: null,
  ifFree: false,
};

interface Neighbours {
  readonly members?: readonly string[];
  readonly node?: Partial<Node>;
  /** What is sent to others. */
  send(envelope: Envelope): void;
}

function workerAmong({ members = [], node = {}, send }: Neighbours) {
  const told: Message[] = [];
  const timers = new ManualTimers();
  const host: Host = new Host({
    nowMs: () => timers.nowMs,
    random: () => 0.5,
    perform: () => undefined,
    outletOf: (to) => border.outletOf(to),
    idle: () => undefined,
    undeliverable: () => undefined,
    onBug(error) {
      throw error;
    },
  });
  host.serve('scheduler', (message) => told.push(message));
  const way: Way = {
    isCongested: false,
    send: (to, message) => send({ to, message }),
    flush: () => undefined,
    hasRoom: () => Promise.resolve(),
    settled: () => Promise.resolve(),
  };
  const border = new WorkerBorder({
    name: 'w1',
    incarnation: 1,
    config: defaultConfig(),
    // Of a node it has nothing else to do with what leaves, and with what is fetched.
    node: { host, ...node } as unknown as Node,
    ways: { outletOf: () => way, wayTo: () => way, isMember: (node) => members.includes(node), health: { registryAwayMs: null } },
    registry: new MemoryRegistry({ nowMs: () => timers.nowMs, timers }),
    timers,
  });
  return { host, border, told, timers };
}

function workerWith(members: readonly string[]) {
  const sent: { readonly to: Address; readonly message: Message }[] = [];
  return { sent, ...workerAmong({ members, send: (envelope) => sent.push(envelope) }) };
}

const client = 'client:local@~x/c1';
const sizeBytes = 4_096;

/** A worker with a store, and a client that fetches from it, whose connection may be taken for gone. */
class Serving {
  readonly store: ObjectStore;
  /** The outputs that the client has been told of, as it knows them. */
  readonly outputs: Ref[] = [];
  readonly told: readonly Message[];
  readonly #segment = createSegment({ sizeBytes: 65_536, mapped: false });
  readonly #worker: ReturnType<typeof workerAmong>;
  readonly #fetcher: ObjectFetcher;

  constructor() {
    const { bytes } = this.#segment;
    this.store = new ObjectStore({ segment: this.#segment, timers: new ManualTimers() });
    const node = { store: this.store, bytesAt: (offset: number, size: number) => bytes.subarray(offset, offset + size) };
    this.#worker = workerAmong({ node, send: (envelope) => this.#arrive(envelope) });
    const { host, timers } = this.#worker;
    this.told = this.#worker.told;
    host.serve('store', (message) => {
      if (message.kind === 'releaseBlocks') for (const offset of message.offsets) this.store.release(offset);
    });
    this.#fetcher = new ObjectFetcher({
      address: 'imports@~x/c1',
      timers,
      silenceMs: 1_000,
      send: (to, message) => this.take(to, message),
      allocate: async (size) => inOwnMemory(size),
    });
  }

  /** From others. */
  take(to: Address, message: Message): void {
    this.#worker.border.take([{ to, message }]);
  }

  /** A sealed object of this byte, held once. */
  put(byte: number): Ref {
    const offset = this.store.allocate('thread:0', sizeBytes, 'running');
    this.#segment.bytes.fill(byte, offset, offset + sizeBytes);
    this.store.adopt(offset);
    return { encoding: 0, sizeBytes, inline: null, offset };
  }

  output(ref: Ref): void {
    this.#worker.host.deliver(client, { kind: 'sessionOutput', session: 's', app: 'app', index: 0, from: 'f', ref, called: true });
  }

  /** Its coordinator has not heard of the client for a while, and then it is back. */
  lose(): void {
    this.take('objects@w1', { kind: 'nodeGone', node: '~x/c1' });
    this.take('objects@w1', { kind: 'nodeBack', node: '~x/c1' });
  }

  /** With it all its clients are gone. */
  loseGateway(): void {
    this.#worker.border.nodeGone('c1', 'coordinator');
  }

  /** Anew, under its name. No client of it was there when it met this worker. */
  startGateway(): void {
    this.#worker.border.nodeJoined('c1');
  }

  /** The byte that the client gets, or the code of what it is refused with. */
  async fetch(output: Ref | undefined): Promise<number | string | undefined> {
    try {
      return (await this.#fetcher.fetch(output as Ref, false)).inline?.[0];
    } catch (error) {
      return error instanceof TransferFailed ? error.data.code : String(error);
    }
  }

  /** The client says that it has it. */
  release({ remote }: Ref): void {
    const blocks = { offsets: [remote?.offset ?? -1], serials: [remote?.serial ?? -1] };
    this.take('store@w1', { kind: 'releaseBlocks', owner: client, ...blocks });
  }

  #arrive({ to, message }: Envelope): void {
    if (to === client) this.outputs.push(...refsOf(message));
    else if (message.kind === 'objectPiece' || message.kind === 'fetchRefused') this.#fetcher.take(structuredClone(message));
  }
}

test('worker border: an invocation lodges with a member', (t) => {
  const { host, sent, told } = workerWith(['w1', 'w2']);
  host.deliver('scheduler@w2', lodge);
  t.like(sent, [{ to: 'scheduler@w2', message: { kind: 'lodge' } }]);
  t.deepEqual(told, []);
});

test('worker border: nobody lodges with one that has left, though it is still connected', (t) => {
  const { host, sent, told } = workerWith(['w1']);
  host.deliver('scheduler@w2', lodge);
  t.deepEqual(sent, []);
  t.deepEqual(told, [{ kind: 'lodgerEnded', session: 's', invocation: 3, attempt: 2, outcome: { kind: 'refused' }, free: 0 }]);
});

test('worker border: T10: a client that was taken for gone gets no bytes of what lies in its output’s place by then', async (t) => {
  const serving = new Serving();
  const mine = serving.put(1);
  serving.output(mine);
  serving.lose();
  const other = serving.put(2);
  t.is(other.offset, mine.offset, 'the place is another session’s');
  t.is(await serving.fetch(serving.outputs[0]), 'InputsLost');
  serving.output(other);
  t.is(await serving.fetch(serving.outputs[1]), 2);
  await turn();
  t.is(serving.store.blocks, 1, 'it is held for the client alone');
});

test('worker border: T10: what a client has let go of late lets go of no new output in its place', async (t) => {
  const serving = new Serving();
  const mine = serving.put(1);
  serving.output(mine);
  t.is(await serving.fetch(serving.outputs[0]), 1);
  await turn();
  serving.lose();
  const other = serving.put(2);
  t.is(other.offset, mine.offset);
  serving.output(other);
  const [first, second] = serving.outputs as [Ref, Ref];
  serving.release(first);
  t.is(await serving.fetch(second), 2);
  await turn();
  serving.release(second);
  t.is(serving.store.blocks, 0);
});

test('worker border: T10: an object of this worker that comes back late is not taken for what lies in its place', async (t) => {
  const serving = new Serving();
  const lodged = (ref: Ref | undefined): Message => {
    const inputs = [{ key: 'k', group: null, session: 's', ref: ref as Ref }];
    return { ...lodge, home: 'scheduler@w2', inputs };
  };
  serving.output(serving.put(1));
  const { offset } = serving.put(2);
  serving.take('scheduler', lodged(serving.outputs[0]));
  t.like(serving.told, [{ kind: 'lodge', inputs: [{ ref: { offset: 0 } }], failure: null }]);
  serving.lose();
  t.is(serving.put(3).offset, 0);
  serving.take('scheduler', lodged(serving.outputs[0]));
  await turn();
  t.like(serving.told[1], { kind: 'lodge', inputs: [], failure: { code: 'InputsLost' } });
  t.not(offset, 0);
});

test('worker border: T9: a coordinator that is gone takes its clients along: nothing is held for them', (t) => {
  const serving = new Serving();
  serving.output(serving.put(1));
  serving.loseGateway();
  t.is(serving.store.blocks, 0);
  serving.output(serving.put(2));
  t.is(serving.store.blocks, 0, 'nor for what comes for them later');
  serving.startGateway();
  serving.output(serving.put(3));
  t.is(serving.store.blocks, 1, 'but for clients of one that is started anew');
});
