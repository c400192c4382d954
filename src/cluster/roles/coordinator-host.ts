/** The actors of a coordinator: itself, and the app-scoped buckets of its apps. No executors, no store, no user code. */
import type { Address, Effect } from '../../actors/actor.ts';
import { bucketHandlers } from '../../actors/bucket/handlers.ts';
import { bucketMachine } from '../../actors/bucket/machine.ts';
import { builtInPrimitives } from '../../actors/bucket/primitives/index.ts';
import { createBucket } from '../../actors/bucket/state.ts';
import { coordinatorHandlers } from '../../actors/coordinator/handlers.ts';
import { coordinatorMachine } from '../../actors/coordinator/machine.ts';
import { type CoordinatorState, createCoordinator } from '../../actors/coordinator/state.ts';
import type { Config } from '../config.ts';
import { Host, type Outlet } from '../host.ts';
import type { LogLine } from '../log.ts';
import { atNode } from '../routes.ts';
import { TimerTable } from '../timer-table.ts';
import type { Timers } from '../../storage/timers.ts';

/** Of what keeps its apps in the registry. */
export const recordsAddress: Address = 'app-records';

export interface CoordinatorPorts {
  readonly name: string;
  readonly timers: Timers;
  nowMs(): number;
  random(): number;
  outletOf(address: Address): Outlet | null;
  flush(): void;
  readonly log: LogLine;
  onBug(error: Error): void;
}

export class CoordinatorHost {
  readonly host: Host;
  readonly state: CoordinatorState;
  readonly #ports: CoordinatorPorts;
  readonly #timers: TimerTable;

  constructor(config: Config, ports: CoordinatorPorts) {
    this.#ports = ports;
    const { name, log } = ports;
    this.host = new Host({
      nowMs: () => ports.nowMs(),
      random: () => ports.random(),
      perform: (effect, from) => this.#perform(effect, from),
      outletOf: (address) => ports.outletOf(address),
      idle: () => ports.flush(),
      undeliverable: (to, message) => log('debug', 'a message that nobody takes', { to, kind: message.kind }),
      onBug: (error) => ports.onBug(error),
    });
    this.#timers = new TimerTable(ports.timers, (to, message) => this.host.deliver(to, message));
    this.state = createCoordinator(
      atNode('coordinator', name),
      { ...config, soloSessions: 0 },
      [],
      () => ports.random(),
      false,
      recordsAddress,
    );
    this.host.spawn('coordinator', { machine: coordinatorMachine, handlers: coordinatorHandlers, state: this.state });
    this.host.alias(atNode('coordinator', name), 'coordinator');
  }

  close(): void {
    this.#timers.close();
  }

  #perform(effect: Effect, from: Address): void {
    switch (effect.kind) {
      case 'startTimer':
        return this.#timers.start(from, effect.id, effect.afterMs, effect.message);
      case 'stopTimer':
        return this.#timers.stop(from, effect.id);
      case 'spawnBucket': {
        const { identity } = effect;
        const state = createBucket(identity, (kind) => builtInPrimitives.get(kind));
        return this.host.spawn(identity.address, { machine: bucketMachine, handlers: bucketHandlers, state });
      }
      case 'stopActor':
        this.#timers.stopAll(effect.address);
        return this.host.stop(effect.address);
      case 'log':
        return this.#ports.log(effect.level, effect.text, effect.detail);
      // Evaluators of the apps' own run at workers.
      case 'usePrimitives':
        return;
      default:
        throw new Error(`bug: ${from} of a coordinator asks for ${effect.kind}`);
    }
  }
}
