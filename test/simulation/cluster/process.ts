/**
 * A process of a simulated cluster, as far as all are alike: its connections, its registry, its view of the others, and its timers. What
 * `cluster/roles/membership.ts` and `cluster/remote-client.ts` do for real ones.
 */
import type { Address } from '../../../src/actors/actor.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { Config } from '../../../src/cluster/config.ts';
import type { ActorDefinition, Outlet } from '../../../src/cluster/host.ts';
import { MemoryRegistry } from '../../../src/cluster/registry/memory-registry.ts';
import type { Registry } from '../../../src/cluster/registry/registry.ts';
import { RemoteRegistry } from '../../../src/cluster/registry/remote-registry.ts';
import { atNode, nodeOf, Routes } from '../../../src/cluster/routes.ts';
import type { Way } from '../../../src/cluster/transfer/object-sender.ts';
import { ClusterView, encodeEntry, type Member, memberKey, type ViewListener } from '../../../src/cluster/view.ts';
import type { Envelope } from '../../../src/cluster/wire/codec.ts';
import type { Timers } from '../../../src/storage/timers.ts';
import type { Clock } from '../clock.ts';
import type { WorldEvent } from '../events.ts';
import type { Faults } from '../faults.ts';
import type { Random } from '../random.ts';
import type { ClusterNetwork, SimulatedMesh } from './network.ts';

/** What all processes find around them. */
export interface Around {
  readonly clock: Clock;
  readonly random: Random;
  readonly config: Config;
  readonly network: ClusterNetwork;
  faults(): Faults;
  isHealing(): boolean;
  nextContent(): number;
  observe(node: string, event: WorldEvent): void;
  /** For checkers: a process has sent it, by way of that one. */
  said(from: string, hop: string, message: Message): void;
  /** Promises are to be settled before time goes on. */
  settleSoon(): void;
  /** The actor, or one that was broken on purpose. */
  spawned(address: Address, definition: ActorDefinition<unknown>): ActorDefinition<unknown>;
}

export interface ProcessOptions {
  /** Of a client: beside its gateway's. */
  readonly name: string;
  /** Of a client: the coordinator that it hangs on. */
  readonly gateway: string | null;
  /** The node that has the registry; null: this one. */
  readonly registryNode: string | null;
  readonly around: Around;
  receive(envelopes: readonly Envelope[]): void;
  /** It cannot be sent. */
  lost?(envelope: Envelope): void;
  readonly listener: ViewListener;
}

const registryClient = 'registry-client';

export class SimulatedProcess {
  /** As others call it. */
  readonly name: string;
  readonly timers: Timers & { readonly running: number };
  /** Of the registry's client, or of the registry. */
  readonly registryTimers: Timers & { readonly running: number };
  readonly routes: Routes;
  readonly registry: Registry;
  view!: ClusterView;
  readonly #options: ProcessOptions;
  readonly #mesh: SimulatedMesh;
  readonly #remote: RemoteRegistry | null;
  /** Members that are no more. */
  readonly #gone = new Set<string>();
  isDead = false;
  /** What came before it was open. */
  #early: Envelope[] | null = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
    const { name, gateway, around, registryNode } = options;
    this.name = gateway === null ? name : `${name}/${gateway}`;
    this.timers = this.#timersOf(around);
    this.registryTimers = this.#timersOf(around);
    this.#mesh = around.network.join(name, (envelopes) => this.#receive(envelopes));
    this.routes = new Routes({
      name: this.name,
      mesh: this.#mesh.asMesh,
      gateway,
      dialled: (node) => (gateway === null ? (this.view.members.get(node)?.address ?? null) : null),
      lost: (envelope, why) => {
        const { to, message } = envelope;
        options.lost?.(envelope);
        if (!this.#gone.has(nodeOf(to) ?? '')) around.observe(this.name, { kind: 'bug', error: lost(name, to, message, why) });
      },
    });
    this.#remote = registryNode === null ? null : this.#connectRegistry(registryNode);
    this.registry = this.#remote ?? new MemoryRegistry({ nowMs: () => around.clock.nowMs, timers: this.registryTimers });
  }

  /** Connected, and knows the others. */
  async join(): Promise<void> {
    const { gateway, registryNode, listener } = this.#options;
    const first = gateway ?? registryNode;
    if (first !== null) await this.#mesh.connect(first);
    this.view = new ClusterView(this.registry, {
      joined: (member) => listener.joined(member),
      left: (member) => {
        this.#gone.add(member.name);
        this.#mesh.forget(member.name);
        listener.left(member);
      },
      sharded: () => listener.sharded(),
    });
    await this.view.ready;
  }

  /** From here on what comes is handed on. */
  open(): void {
    const early = this.#early ?? [];
    this.#early = null;
    if (early.length > 0) this.#options.receive(early);
  }

  /** The others hear of it. */
  async announce(role: Member['role']): Promise<void> {
    this.open();
    const entry: Omit<Member, 'name'> = { role, address: this.name, incarnation: 1, startedMs: this.#options.around.clock.nowMs };
    await this.registry.put(memberKey(this.name), encodeEntry(entry), { expected: 0, ttlMs: null });
  }

  /** Without a word. */
  die(): void {
    this.isDead = true;
    this.#options.around.network.bury(this.#options.name);
  }

  async leave(): Promise<void> {
    this.view.stop();
    await this.registry.close();
    this.flush();
  }

  outletOf(address: Address): Outlet | null {
    const outlet = this.routes.outletOf(address);
    return (
      outlet && {
        send: (to, message) => {
          this.#options.around.said(this.#mesh.name, this.#hopTo(to), message);
          outlet.send(to, message);
        },
      }
    );
  }

  /** A connection of its own, beside the first. */
  async approach(node: string): Promise<void> {
    await this.#mesh.connect(node);
  }

  /** The node that it is given to first (`Routes.linkTo`). */
  #hopTo(address: Address): string {
    const { gateway, name } = this.#options;
    const [node = '', behind = node] = (nodeOf(address) ?? '').split('/');
    if (this.#mesh.outletTo(node) || behind === name) return node;
    return gateway ?? behind;
  }

  wayTo(address: Address): Way | null {
    const node = nodeOf(address);
    return node === null ? null : this.routes.linkTo(node);
  }

  flush(): void {
    this.#mesh.flush();
  }

  /** What a timer leads to may go on by promises. */
  #timersOf({ clock, settleSoon }: Around): Timers & { readonly running: number } {
    const timers = clock.timers();
    return {
      get running() {
        return timers.running;
      },
      setTimeout: (callback, afterMs) =>
        timers.setTimeout(() => {
          if (this.isDead) return;
          settleSoon();
          callback();
        }, afterMs),
      clearTimeout: (timer) => timers.clearTimeout(timer),
    };
  }

  #connectRegistry(node: string): RemoteRegistry {
    return new RemoteRegistry({
      owner: atNode(registryClient, this.name),
      timers: this.registryTimers,
      send: (message) => {
        const way = this.#mesh.outletTo(node);
        way?.send(atNode('registry', node), message);
        way?.flush();
      },
      firstNumber: 1,
    });
  }

  #receive(envelopes: readonly Envelope[]): void {
    const address = atNode(registryClient, this.name);
    const others = envelopes.filter(({ to, message }) => {
      if (!this.#remote || to !== address) return true;
      this.#remote.take(message);
      return false;
    });
    if (this.#early) this.#early.push(...others);
    else if (others.length > 0) this.#options.receive(others);
  }
}

function lost(name: string, to: Address, { kind }: Message, why: string): Error {
  return new Error(`${name} cannot send ${kind} to ${to}: ${why}`);
}
