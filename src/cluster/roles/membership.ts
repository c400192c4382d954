/**
 * How a process belongs to a cluster: its connections, its lease in the registry, its view of the others, and the ways to them.
 *
 *   M1  `join` rejects within `joinTimeoutMs` if nobody answers at `config.join`, and leaves nothing behind.
 *   M2  Others hear of a node only when it has `announce`d itself; from then on it holds a lease on its name. What comes before waits.
 *   M3  A node that loses its lease ends: what it still says must not count.
 */
import type { Address } from '../../actors/actor.ts';
import type { Outlet } from '../host.ts';
import { refusalOf } from '../client-rights.ts';
import { readNodeKeys } from '../keys/key-file.ts';
import type { Keys } from '../keys/keys.ts';
import type { LogLine } from '../log.ts';
import { realTimers } from '../node/assemble.ts';
import { holdLease, type Lease } from '../registry/lease.ts';
import type { Registry } from '../registry/registry.ts';
import { RegistryError } from '../registry/registry-error.ts';
import { RemoteRegistry } from '../registry/remote-registry.ts';
import { atNode, nodeOf, Routes } from '../routes.ts';
import type { Way } from '../transfer/object-sender.ts';
import { Mesh, meshLimitsDefault, type PeerInfo, TransportError } from '../transport/zmq/mesh.ts';
import { Refusals } from '../transport/zmq/refusals.ts';
import { peerUnreachable } from '../transport/zmq/transport-error.ts';
import { ClusterView, encodeEntry, type Member, memberKey } from '../view.ts';
import type { Envelope } from '../wire/codec.ts';
import type { NodeConfig, RoleHealth } from './role.ts';

export interface MembershipHooks {
  /** From other nodes; what is for the registry's client has been taken out. */
  received(envelopes: readonly Envelope[]): void;
  joined?(member: Member): void;
  left?(member: Member): void;
  sharded?(): void;
  /** It cannot be sent: nobody knows the way. */
  lost?(envelope: Envelope): void;
  /** Somebody is connected. */
  peerUp?(peer: PeerInfo): void;
  /** A connection has gone, whoever it was with. */
  peerDown?(peer: PeerInfo): void;
}

const joinTimeoutMs = 10_000;
/** A node that is not heard of for so long is no member any more. */
const leaseMs = 10_000;
const lingerMs = 1_000;
/** Others have at least so long to answer one that leaves. */
const partingMs = 1_000;
const registryClient = 'registry-client';
const withdrawal = 'withdrawal';

export class Membership {
  readonly name: string;
  readonly registry: Registry;
  readonly view: ClusterView;
  /** See `RunningRole`. */
  readonly ended: Promise<Error | null>;
  readonly #role: Member['role'];
  /** Of two of one name that start in the same millisecond it is not the same, or they would be taken for one. */
  readonly incarnation = Date.now() * 1_000 + Math.floor(Math.random() * 1_000);
  readonly #mesh: Mesh;
  readonly #routes: Routes;
  readonly #remote: RemoteRegistry | null;
  readonly #early: Envelope[] = [];
  readonly #refusals: Refusals;
  #address = '';
  #registryNode: string | null = null;
  #hooks: MembershipHooks | null = null;
  #lease: Lease | null = null;
  #isLost = false;
  /** Questions of `withdraw` that were answered. */
  readonly #withdrawals = new Set<number>();
  #end: (why: Error | null) => void = () => undefined;

  /** `registry`: the one that this node itself holds; null: it is where `config.join` leads. Rejects with `PeerUnreachable` and the like. */
  static async join(config: NodeConfig, role: Member['role'], log: LogLine, registry: Registry | null = null): Promise<Membership> {
    const keys = config.keyFile === null ? null : readNodeKeys(config.keyFile);
    const membership = new Membership(config, role, log, registry, keys);
    const untilMs = performance.now() + joinTimeoutMs;
    try {
      await membership.#connect(config);
      const from = config.join ?? (config.registry === null ? null : 'the registry');
      await (from === null ? membership.view.ready : readyBefore(untilMs, membership.view, from, joinTimeoutMs));
      return membership;
    } catch (error) {
      membership.view.stop();
      await membership.#remote?.close();
      await membership.#mesh.close({ lingerMs: 0 });
      throw error;
    }
  }

  private constructor({ name }: NodeConfig, role: Member['role'], log: LogLine, registry: Registry | null, keys: Keys | null) {
    this.name = name;
    this.#refusals = new Refusals(log);
    this.#role = role;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#mesh = new Mesh({
      name,
      role,
      incarnation: this.incarnation,
      limits: meshLimitsDefault,
      log,
      keys,
      received: (from, envelopes) => this.#receive(from.role === 'client' ? this.#allowed(from.name, envelopes) : envelopes),
      peerUp: (peer) => {
        if (peer.name === this.#registryNode) this.#remote?.connectionRestored();
        this.#hooks?.peerUp?.(peer);
      },
      peerDown: (peer) => {
        if (peer.name === this.#registryNode) this.#remote?.connectionLost();
        this.#hooks?.peerDown?.(peer);
        if (peer.role !== 'client') queueMicrotask(() => this.#forget(peer.name));
      },
    });
    this.#routes = new Routes({
      name,
      mesh: this.#mesh,
      gateway: null,
      dialled: (node) => this.view.members.get(node)?.address ?? null,
      lost: (envelope, why) => {
        log('debug', 'a message that cannot be sent', { to: envelope.to, kind: envelope.message.kind, why });
        this.#hooks?.lost?.(envelope);
      },
    });
    this.#remote = registry ? null : this.#openRegistry();
    this.registry = registry ?? (this.#remote as Registry);
    this.view = new ClusterView(this.registry, {
      joined: (member) => this.#hooks?.joined?.(member),
      left: (member) => this.#lose(member),
      sharded: () => this.#hooks?.sharded?.(),
    });
  }

  /** What others dial. */
  get address(): string {
    return this.#address;
  }

  /** See `Health`. */
  get health(): RoleHealth {
    return { isMember: this.#lease !== null && !this.#isLost, registryAwayMs: this.#lease?.overdueMs ?? null };
  }

  outletOf(to: Address): Outlet | null {
    return this.#routes.outletOf(to);
  }

  isMember(node: string): boolean {
    return this.view.members.has(node);
  }

  wayTo(to: Address): Way | null {
    const node = nodeOf(to);
    return node === null ? null : this.#routes.linkTo(node);
  }

  flush(): void {
    this.#mesh.flush();
  }

  /** From here on what comes is handed on, and the others hear of this node. Rejects with `NodeNameTaken`. */
  async announce(hooks: MembershipHooks): Promise<void> {
    this.#hooks = hooks;
    if (this.#early.length > 0) hooks.received(this.#early.splice(0));
    const { name, registry } = this;
    const value: Omit<Member, 'name'> = {
      role: this.#role,
      address: this.#address,
      incarnation: this.incarnation,
      startedMs: Date.now(),
    };
    const lost = (error: Error) => {
      this.#isLost = true;
      this.#end(error);
    };
    try {
      this.#lease = await holdLease(registry, memberKey(name), encodeEntry(value), leaseMs, { timers: realTimers, lost });
    } catch (error) {
      throw error instanceof RegistryError && error.code === 'RegistryConflict' ? nameTaken(name) : error;
    }
  }

  /**
   * Coordinators send nothing new to this worker. Resolves when what they had sent before is here, or after `timeoutMs`, which is at least
   * `partingMs`. Who leaves, or cannot be reached for so long, is not waited for.
   */
  async withdraw(timeoutMs: number): Promise<void> {
    const worker = atNode('scheduler', this.name);
    const owner = atNode(withdrawal, this.name);
    const coordinators = this.view.coordinators();
    for (const [request, { name }] of coordinators.entries()) {
      const way = this.#routes.outletTo(name);
      way.send(atNode('coordinator', name), { kind: 'workerLoad', worker, accepts: false });
      // Answers come behind what was sent before them.
      way.send(atNode('stats', name), { kind: 'statsAsked', owner, request });
    }
    this.flush();
    const reachedByMs = performance.now() + partingMs;
    const isAway = ({ name }: Member) => performance.now() > reachedByMs && !this.#mesh.peers().some((peer) => peer.name === name);
    const hasLeft = (one: Member) => this.view.members.get(one.name) !== one;
    await soon(timeoutMs, () => coordinators.every((one, request) => this.#withdrawals.has(request) || hasLeft(one) || isAway(one)));
  }

  /**
   * Not a member any more, once the others have all that was said here. Clients that are connected go when they hear of it, and are waited
   * for. Both together take `timeoutMs` at most, and either at least has `partingMs`.
   */
  async resign(timeoutMs: number): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    await this.#mesh.drained(Math.max(partingMs, timeoutMs));
    // Who cannot say so any more is missed all the same.
    await this.#lease?.release().catch(() => undefined);
    const haveClientsGone = () => this.#mesh.peers().every(({ role }) => role !== 'client');
    if (this.#role === 'worker') await soon(untilMs - performance.now(), haveClientsGone);
  }

  /** After `resign`. */
  async leave(): Promise<void> {
    this.view.stop();
    await this.registry.close();
    await this.#mesh.close({ lingerMs });
    this.#end(null);
  }

  async #connect({ listen, advertise, join }: NodeConfig): Promise<void> {
    const endpoint = await this.#mesh.listen(listen);
    this.#address = advertise ?? endpoint;
    this.#mesh.advertise(this.#address);
    if (join !== null) this.#registryNode = coordinatorAt(join, await this.#mesh.connect(join, joinTimeoutMs));
    this.#remote?.connectionRestored();
  }

  #lose(member: Member): void {
    this.#forget(member.name);
    this.#hooks?.left?.(member);
  }

  /** Neither connected nor a member: what is held for it would wait in vain, and whoever comes by its name is another process. */
  #forget(name: string): void {
    if (this.view.members.has(name) || this.#mesh.peers().some((peer) => peer.name === name)) return;
    this.#mesh.disconnect(name);
  }

  #openRegistry(): RemoteRegistry {
    const remote = new RemoteRegistry({
      owner: atNode(registryClient, this.name),
      timers: realTimers,
      send: (message) => {
        const link = this.#registryNode === null ? null : this.#mesh.outletTo(this.#registryNode);
        link?.send('registry', message);
        link?.flush();
      },
    });
    // Until the connection is there.
    remote.connectionLost();
    return remote;
  }

  /** Of what a client has said. */
  #allowed(client: string, envelopes: readonly Envelope[]): readonly Envelope[] {
    return envelopes.filter((envelope) => {
      const refused = refusalOf(client, envelope);
      if (refused) this.#refusals.note(refused.why, { client, to: envelope.to, kind: envelope.message.kind, field: refused.field });
      return refused === null;
    });
  }

  #receive(envelopes: readonly Envelope[]): void {
    const others = envelopes.filter((envelope) => !this.#takeOwn(envelope));
    if (others.length === 0) return;
    if (this.#hooks) this.#hooks.received(others);
    else this.#early.push(...others);
  }

  #takeOwn({ to, message }: Envelope): boolean {
    if (this.#remote && to === atNode(registryClient, this.name)) this.#remote.take(message);
    else if (to === atNode(withdrawal, this.name)) this.#withdrawals.add((message as { request: number }).request);
    else return false;
    return true;
  }
}

/** Resolves when it is so; or after `timeoutMs`, and `partingMs`. */
async function soon(timeoutMs: number, isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + Math.max(partingMs, timeoutMs);
  while (!isSo() && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 10));
}

function nameTaken(name: string): RegistryError {
  const text = `a node named ${name} is a member of the cluster: give this one another name, or wait ${leaseMs / 1_000} s if that one has died`;
  return new RegistryError('NodeNameTaken', text, { name });
}

/** The name of who has answered at `address`. Throws a TransportError if it is no coordinator. */
export function coordinatorAt(address: string, { name, role }: PeerInfo): string {
  if (role === 'coordinator') return name;
  throw new TransportError(peerUnreachable(address, `${name}, which answered there, is a ${role}; give the address of a coordinator`));
}

/** Resolves when the view is there; rejects with a TransportError at `untilMs`. */
export async function readyBefore(untilMs: number, view: ClusterView, address: string, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = `a coordinator answered there, but said nothing of its cluster within ${timeoutMs} ms`;
    const fail = () => reject(new TransportError(peerUnreachable(address, why, { timeoutMs })));
    timer = setTimeout(fail, Math.max(0, untilMs - performance.now()));
  });
  await Promise.race([view.ready, late]).finally(() => clearTimeout(timer));
}
