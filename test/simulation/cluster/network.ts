/**
 * The network of a simulated cluster: a mesh per node, as the one over ZeroMQ seems from above, over packets that are late, lost, doubled,
 * reordered, and that do not come through where the network is cut.
 *
 *     routes ─► mesh ─► way ─► network end ≈≈≈ network end ─► received
 *
 * A connection comes to be by a handshake: at the one that is dialled first, which may use it at once.
 */
import type { Address } from '../../../src/actors/actor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { LinkLimits } from '../../../src/cluster/link/link.ts';
import type { Way } from '../../../src/cluster/transfer/object-sender.ts';
import type { Mesh } from '../../../src/cluster/transport/zmq/mesh.ts';
import type { Envelope } from '../../../src/cluster/wire/codec.ts';
import type { Clock } from '../clock.ts';
import type { Faults } from '../faults.ts';
import { NetworkEnd } from '../network.ts';
import type { Random } from '../random.ts';

export interface ClusterNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: () => Faults;
  readonly limits: Partial<LinkLimits>;
  /** Promises are to be settled before time goes on. */
  settleSoon(): void;
  /** For checkers: these have arrived. */
  arrived(from: string, at: string, envelopes: readonly Envelope[]): void;
}

/** The way to one peer. */
export class SimulatedWay implements Way {
  readonly end: NetworkEnd;
  #waiters: (() => void)[] = [];

  constructor(options: ClusterNetworkOptions, faults: () => Faults, incarnation: number) {
    const relieved = () => {
      for (const resolve of this.#waiters.splice(0)) resolve();
      options.settleSoon();
    };
    this.end = new NetworkEnd(incarnation, { ...options, faults, relieved });
  }

  /** The bytes of pieces are copied, so that what they lie in may be freed at once (`settled`). */
  send(to: Address, message: Message): void {
    this.end.send(to, message.kind === 'objectPiece' ? { ...message, bytes: new Uint8Array(message.bytes) } : message);
  }

  flush(): void {
    this.end.flush();
  }

  get isCongested(): boolean {
    return this.end.link.isCongested;
  }

  hasRoom(): Promise<void> {
    this.flush();
    return this.isCongested ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }
}

/** A node's connections. */
export class SimulatedMesh {
  readonly name: string;
  readonly #network: ClusterNetwork;
  readonly #receive: (envelopes: readonly Envelope[]) => void;
  readonly #ways = new Map<string, SimulatedWay>();

  constructor(name: string, network: ClusterNetwork, receive: (envelopes: readonly Envelope[]) => void) {
    this.name = name;
    this.#network = network;
    this.#receive = receive;
  }

  outletTo(name: string): SimulatedWay | null {
    return this.#ways.get(name) ?? null;
  }

  connect(endpoint: string): Promise<{ readonly name: string }> {
    return new Promise((resolve) => this.#network.shakeHands(this.name, endpoint, () => resolve({ name: endpoint })));
  }

  /** From here on there is a way to it. */
  admit(name: string, way: SimulatedWay): void {
    this.#ways.set(name, way);
  }

  /** It is no more, and what is held for it is dropped. */
  forget(name: string): void {
    this.#ways.delete(name);
  }

  receive(envelopes: readonly Envelope[]): void {
    this.#receive(envelopes);
  }

  flush(): void {
    for (const way of this.#ways.values()) way.flush();
  }

  /** What routes need of a mesh. */
  get asMesh(): Pick<Mesh, 'outletTo' | 'connect'> {
    return this as unknown as Pick<Mesh, 'outletTo' | 'connect'>;
  }
}

/** While a handshake does not come through, it is tried again so often. */
const retryMs = 50;

export class ClusterNetwork {
  readonly #options: ClusterNetworkOptions;
  readonly #meshes = new Map<string, SimulatedMesh>();
  /** By `from to`. */
  readonly #ways = new Map<string, SimulatedWay>();
  /** Pairs of nodes that do not hear of each other, and by how many partitions. */
  readonly #cuts = new Map<string, number>();
  readonly #dead = new Set<string>();

  constructor(options: ClusterNetworkOptions) {
    this.#options = options;
  }

  /** A node is called as it is dialled. */
  join(name: string, receive: (envelopes: readonly Envelope[]) => void): SimulatedMesh {
    const mesh = new SimulatedMesh(name, this, receive);
    this.#meshes.set(name, mesh);
    return mesh;
  }

  /** Between those that live. */
  get ways(): readonly (readonly [string, SimulatedWay])[] {
    return [...this.#ways].filter(([name]) => !name.split(' ').some((node) => this.#dead.has(node)));
  }

  /** Nothing comes from it or goes to it any more. */
  bury(name: string): void {
    this.#dead.add(name);
  }

  /** One partition: these pairs hear nothing of each other for so long. */
  cut(pairs: readonly (readonly [string, string])[], ms: number): void {
    const count = (by: number) => {
      for (const [a, b] of pairs)
        for (const pair of [`${a} ${b}`, `${b} ${a}`]) this.#cuts.set(pair, Math.max(0, (this.#cuts.get(pair) ?? 0) + by));
    };
    count(1);
    this.#options.clock.after(ms, () => count(-1));
  }

  shakeHands(from: string, to: string, opened: () => void): void {
    const [dialler, dialled] = [this.#mesh(from), this.#mesh(to)];
    this.#carry(from, to, () => {
      dialled.admit(from, this.#way(to, from));
      this.#carry(to, from, () => {
        dialler.admit(to, this.#way(from, to));
        this.#options.settleSoon();
        opened();
      });
    });
  }

  /** Handshakes are not lost. */
  #carry(from: string, to: string, run: () => void): void {
    const { clock, random, faults } = this.#options;
    const { delayMsMin, delayMsMean } = faults();
    const arrive = (): void => {
      if (this.#dead.has(from) || this.#dead.has(to)) return;
      if (this.#isCut(from, to)) clock.after(retryMs, arrive);
      else run();
    };
    clock.after(delayMsMin + random.exponential(delayMsMean), arrive);
  }

  #isCut(from: string, to: string): boolean {
    return this.#dead.has(from) || this.#dead.has(to) || (this.#cuts.get(`${from} ${to}`) ?? 0) > 0;
  }

  #mesh(name: string): SimulatedMesh {
    const mesh = this.#meshes.get(name);
    if (!mesh) throw new Error(`bug: there is no node ${name}`);
    return mesh;
  }

  /** Both ends are made at once, but each node has its own only from its handshake on. */
  #way(from: string, to: string): SimulatedWay {
    const made = this.#ways.get(`${from} ${to}`);
    if (made) return made;
    const [own, other] = [this.#makeWay(from, to), this.#makeWay(to, from)];
    own.end.connect(other.end, (envelopes) => this.#arrive(to, from, envelopes));
    other.end.connect(own.end, (envelopes) => this.#arrive(from, to, envelopes));
    return own;
  }

  #makeWay(from: string, to: string): SimulatedWay {
    const faults = (): Faults => (this.#isCut(from, to) ? { ...this.#options.faults(), lossShare: 1 } : this.#options.faults());
    const way = new SimulatedWay(this.#options, faults, this.#ways.size + 1);
    this.#ways.set(`${from} ${to}`, way);
    return way;
  }

  #arrive(from: string, at: string, envelopes: readonly Envelope[]): void {
    if (this.#dead.has(at)) return;
    this.#options.settleSoon();
    this.#options.arrived(from, at, envelopes);
    this.#mesh(at).receive(envelopes);
  }
}
