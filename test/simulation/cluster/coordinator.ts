/** A coordinator of a simulated cluster: its host, front and claims are the real ones, as `cluster/roles/coordinator.ts` puts them together. */
import type { Address } from '../../../src/actors/actor.ts';
import { shardOf } from '../../../src/actors/protocol/session-id.ts';
import type { CoordinatorState } from '../../../src/actors/coordinator/state.ts';
import type { ActorDefinition } from '../../../src/cluster/host.ts';
import { stamping } from '../../../src/cluster/fence.ts';
import { RegistryService } from '../../../src/cluster/registry/registry-service.ts';
import { CoordinatorHost, recordsAddress } from '../../../src/cluster/roles/coordinator-host.ts';
import { Front } from '../../../src/cluster/roles/front.ts';
import { atNode } from '../../../src/cluster/routes.ts';
import { ShardClaims } from '../../../src/cluster/shard-claims.ts';
import type { Member } from '../../../src/cluster/view.ts';
import { type AnyHandler, hookSpawn, withEveryHandler } from '../spawn-hook.ts';
import { type Around, SimulatedProcess } from './process.ts';

const role = 'coordinator';

export class SimulatedCoordinator {
  readonly role = role;
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly #around: Around;
  #coordinator!: CoordinatorHost;
  #front!: Front;
  #claims: ShardClaims | null = null;

  /** `registryNode` null: it holds the registry. */
  constructor(name: string, registryNode: string | null, around: Around) {
    this.name = name;
    this.#around = around;
    this.process = new SimulatedProcess({
      name,
      gateway: null,
      registryNode,
      around,
      receive: (envelopes) => this.#front.take(envelopes),
      listener: {
        joined: (member) => this.#joined(member),
        left: (member) => this.#left(member),
        sharded: () => void this.#claims?.settle(),
      },
    });
    this.#coordinator = this.#makeHost();
  }

  get state(): CoordinatorState {
    return this.#coordinator.state;
  }

  async start(): Promise<void> {
    const { name, process } = this;
    const { host, state } = this.#coordinator;
    await process.join();
    this.#front = new Front({
      name,
      view: process.view,
      outletOf: (address) => process.outletOf(address),
      isYielding: (shard) => this.#claims?.isYielding(shard) ?? false,
      deliver: (envelopes) => host.deliverAll(envelopes),
      flush: () => process.flush(),
    });
    host.serve('front', (message) => this.#front.takeFound(message));
    host.alias(atNode('front', name), 'front');
    await process.announce(role);
    this.#claims = new ShardClaims({
      name,
      registry: process.registry,
      view: process.view,
      inUse: (shard) => [...state.apps.keys()].some((app) => shardOf(app) === shard),
      failed: (error) => this.#around.observe(name, { kind: 'bug', error: error as Error }),
    });
    await this.#claims.settle();
  }

  stop(): void {
    this.#coordinator.host.deliver('coordinator', { kind: 'stopCoordinator' });
    this.#coordinator.close();
  }

  #makeHost(): CoordinatorHost {
    const { name, process } = this;
    const { clock, random, config, observe } = this.#around;
    const made = hookSpawn(
      () =>
        new CoordinatorHost(config, {
          name,
          timers: process.timers,
          nowMs: () => clock.nowMs,
          random: () => random.next(),
          outletOf: (address) => stamping(process.outletOf(address), name, process.view),
          flush: () => process.flush(),
          log: () => {},
          onBug: (error) => observe(name, { kind: 'bug', error }),
        }),
      (address, definition) => this.#seen(address, definition),
    );
    const { host } = made;
    const service = new RegistryService({
      registry: process.registry,
      send: (to, message) => host.deliver(to, message),
      unsent: (_, error) => observe(name, { kind: 'bug', error: error as Error }),
    });
    host.serve('registry', (message) => service.take(message));
    // Nothing survives a coordinator here: what is to be recorded is, at once.
    host.serve(recordsAddress, (message) => {
      if (message.kind !== 'recordApp' || !message.answer) return;
      const { client, request: asked, result } = message.answer;
      host.deliver(client, { kind: 'requestDone', request: asked, result });
    });
    host.alias(atNode('registry', name), 'registry');
    return made;
  }

  /** The same actor, but what it handles is told. */
  #seen(to: Address, definition: ActorDefinition<unknown>): ActorDefinition<unknown> {
    return withEveryHandler(this.#around.spawned(to, definition), (handler, place): AnyHandler => {
      return (state, message, turn) => {
        this.#around.observe(this.name, { kind: 'handled', host: 'node', to, place, message });
        return handler(state, message, turn);
      };
    });
  }

  #joined({ name, role: of }: Member): void {
    if (of === 'worker') this.#coordinator.host.deliver('coordinator', { kind: 'workerJoined', worker: atNode('scheduler', name) });
    void this.#claims?.settle();
  }

  #left({ name, role: of }: Member): void {
    const worker = atNode('scheduler', name);
    if (of === 'worker') this.#coordinator.host.deliver('coordinator', { kind: 'workerLeft', worker, reason: 'its lease has ended' });
    void this.#claims?.settle();
  }
}
