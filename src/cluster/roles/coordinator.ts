/**
 * A coordinator: it acts for its shards of the apps, and is the way into the cluster for clients. The first one holds the registry.
 *
 *     clients ══ mesh ══► front ──► host: coordinator, app-buckets        registry (its own, or the first one's)
 *     workers ══════════►   └─────► whoever it is for
 */
import { join as joinPath } from 'node:path';
import type { RecordApp } from '../../actors/protocol/coordinator.ts';
import { shardOf } from '../../actors/protocol/session-id.ts';
import type { Message } from '../../actors/protocol/message.ts';
import { endByBug } from '../bug.ts';
import type { Config } from '../config.ts';
import { stamping } from '../fence.ts';
import { createLog, type LogLine } from '../log.ts';
import { realTimers } from '../node/assemble.ts';
import { LmdbRegistry } from '../registry/lmdb-registry.ts';
import { RegistryService } from '../registry/registry-service.ts';
import { atNode } from '../routes.ts';
import { ShardClaims } from '../shard-claims.ts';
import type { PeerInfo } from '../transport/zmq/mesh.ts';
import { type Member, memberKey } from '../view.ts';
import { AppRecords } from './app-records.ts';
import { BundleSweep } from './bundle-sweep.ts';
import { CoordinatorHost, recordsAddress } from './coordinator-host.ts';
import { Front } from './front.ts';
import { Membership } from './membership.ts';
import type { NodeConfig, RoleHealth, RunningRole } from './role.ts';
import { sharedRegistry } from './shared-registry.ts';

export type CoordinatorConfig = Config & NodeConfig;

/**
 * Starts a coordinator in this process. Rejects with `AddressInUse`, and, if it is to join others, with `PeerUnreachable`,
 * `ProtocolMismatch`, `NodeNameTaken`; nothing stays behind then.
 */
export async function startCoordinator(config: CoordinatorConfig): Promise<RunningRole> {
  const log = createLog(config.logLevel, { node: config.name });
  const nats = await sharedRegistry(config, log);
  const own = nats || config.join !== null ? null : await LmdbRegistry.open(joinPath(config.dataDir, 'registry'));
  // It was this node, in a former life: nobody else can open this registry.
  await own?.delete(memberKey(config.name), null);
  let membership: Membership;
  try {
    membership = await Membership.join(config, 'coordinator', log, nats ?? own);
  } catch (error) {
    await (nats ?? own)?.close();
    throw error;
  }
  const coordinator = new Coordinator(config, membership, log);
  try {
    await coordinator.serve();
  } catch (error) {
    await coordinator.stop({});
    throw error;
  }
  return coordinator;
}

class Coordinator implements RunningRole {
  readonly name: string;
  readonly address: string;
  readonly ended: Promise<Error | null>;
  readonly #membership: Membership;
  readonly #actors: CoordinatorHost;
  readonly #front: Front;
  readonly #registry: RegistryService;
  readonly #claims: ShardClaims;
  readonly #records: AppRecords;
  readonly #sweep: BundleSweep;
  #isServing = false;
  #stopping: Promise<void> | null = null;

  constructor(config: CoordinatorConfig, membership: Membership, log: LogLine) {
    const { name, address, ended, registry, view } = membership;
    this.name = name;
    this.address = address;
    this.ended = ended;
    this.#membership = membership;
    this.#actors = new CoordinatorHost(config, {
      name,
      timers: realTimers,
      nowMs: () => Date.now(),
      random: () => Math.random(),
      outletOf: (to) => stamping(membership.outletOf(to), name, view),
      flush: () => membership.flush(),
      log,
      onBug: endByBug(log),
    });
    const { host, state } = this.#actors;
    this.#front = new Front({
      name,
      view,
      outletOf: (to) => membership.outletOf(to),
      isYielding: (shard) => this.#claims.isYielding(shard),
      whenKnown: (shard) => this.#records.whenKnown(shard),
      deliver: (envelopes) => host.deliverAll(envelopes),
      flush: () => membership.flush(),
    });
    this.#registry = new RegistryService({
      registry,
      send: (to, message) => host.deliver(to, message),
      unsent: (to, error) => log('error', 'an answer of the registry could not be sent', { to, error: String(error) }),
    });
    this.#claims = new ShardClaims({
      name,
      registry,
      view,
      inUse: (shard) => !this.#records.isKnown(shard) || [...state.apps.keys()].some((app) => shardOf(app) === shard),
      failed: (error) => log('warn', 'a shard could not be claimed', { error: String(error) }),
    });
    this.#sweep = new BundleSweep({ registry, timers: realTimers, log });
    this.#records = new AppRecords({
      name,
      registry,
      view,
      left: (hash) => this.#sweep.leave(hash),
      restored: (record) => host.deliver('coordinator', { kind: 'appRestored', record }),
      log,
    });
    host.serve(recordsAddress, (message) => {
      if (message.kind === 'recordApp') void this.#record(message);
    });
    host.serve('registry', (message) => this.#registry.take(message));
    host.serve('front', (message) => this.#front.takeFound(message));
    host.serve('stats', (message) => this.#tellStats(message));
    for (const service of ['registry', 'front', 'stats']) host.alias(atNode(service, name), service);
  }

  health(): RoleHealth {
    return this.#membership.health;
  }

  /** Resolves when it has its shards. */
  async serve(): Promise<void> {
    for (const worker of this.#membership.view.workers()) this.#noteMember(worker, true);
    await this.#membership.announce({
      received: (envelopes) => this.#front.take(envelopes),
      joined: (member) => this.#noteMember(member, true),
      left: (member) => this.#noteMember(member, false),
      sharded: () => this.#settle(),
      peerUp: (peer) => this.#tellWorkers('nodeBack', peer),
      peerDown: (peer) => this.#bury(peer),
      lost: (envelope) => this.#front.lost(envelope),
    });
    this.#isServing = true;
    this.#sweep.start();
    await this.#claims.settle();
    await this.#readApps();
  }

  stop({ drainMs = 0 }: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    this.#stopping ??= this.#stop(drainMs);
    return this.#stopping;
  }

  async #stop(drainMs: number): Promise<void> {
    this.#isServing = false;
    const { host, state } = this.#actors;
    const untilMs = performance.now() + drainMs;
    while (state.sessions.size > 0 && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20));
    host.deliver('coordinator', { kind: 'stopCoordinator' });
    this.#actors.close();
    this.#sweep.close();
    await this.#records.close();
    await this.#membership.resign(0);
    await this.#membership.leave();
  }

  async #record({ record, answer }: RecordApp): Promise<void> {
    const error = await this.#records.record(record);
    if (!answer) return;
    const { client, request, result } = answer;
    this.#actors.host.deliver(client, error ? { kind: 'requestRefused', request, error } : { kind: 'requestDone', request, result });
  }

  #noteMember({ name, role }: Member, hasJoined: boolean): void {
    const { host } = this.#actors;
    const worker = atNode('scheduler', name);
    this.#front.forget(name);
    if (role === 'worker' && hasJoined) host.deliver('coordinator', { kind: 'workerJoined', worker });
    if (role === 'worker' && !hasJoined)
      host.deliver('coordinator', { kind: 'workerLeft', worker, reason: 'it has left, or its lease has ended' });
    this.#settle();
  }

  #settle(): void {
    if (!this.#isServing) return;
    void this.#claims.settle();
    void this.#readApps();
  }

  /** Of its shards, those without apps may be another's: which they are is known when they have been read. */
  async #readApps(): Promise<void> {
    await this.#records.settle();
    await this.#claims.settle();
  }

  /** Of a client that is gone, what is held for it may go. */
  #bury(peer: PeerInfo): void {
    this.#registry.bury(this.#nodeOf(peer));
    this.#tellWorkers('nodeGone', peer);
  }

  #tellWorkers(kind: 'nodeGone' | 'nodeBack', peer: PeerInfo): void {
    if (peer.role !== 'client') return;
    for (const worker of this.#membership.view.workers())
      this.#actors.host.deliver(atNode('objects', worker.name), { kind, node: this.#nodeOf(peer) });
  }

  #nodeOf({ name, role }: PeerInfo): string {
    return role === 'client' ? `${name}/${this.name}` : name;
  }

  #tellStats(message: Message): void {
    if (message.kind !== 'statsAsked') return;
    const { sessions, waiting, apps: rows } = this.#actors.state;
    const apps = [...rows.values()].flatMap((app) => (app.current ? [app.name] : []));
    const { registryAwayMs } = this.health();
    const result = { sessionsOpen: sessions.size - waiting.size, sessionsWaiting: waiting.size, apps, registryAwayMs };
    this.#actors.host.deliver(message.owner, { kind: 'requestDone', request: message.request, result });
  }
}
