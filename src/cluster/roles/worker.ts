/**
 * A worker: a node of its own process, whose scheduler is home to sessions that coordinators send here.
 *
 *     others ══ mesh ══ border ══ node: scheduler, buckets, stores ◄── executor threads
 */
import { errorData } from '../../actors/protocol/error.ts';
import type { Config } from '../config.ts';
import { Fence } from '../fence.ts';
import { Gate, gateAddress } from '../gate.ts';
import { createLog, type LogLine } from '../log.ts';
import { assembleNode, realTimers } from '../node/assemble.ts';
import type { Node } from '../node/node.ts';
import { createSoloMemory } from '../../storage/solo/memory.ts';
import { atNode } from '../routes.ts';
import { threadCode } from '../thread-code.ts';
import { WorkerBorder } from '../worker-border.ts';
import { Membership } from './membership.ts';
import { RegistryDurableStore } from './registry-durable-store.ts';
import type { NodeConfig, RunningRole } from './role.ts';
import { sharedRegistry } from './shared-registry.ts';

export type WorkerConfig = Config & NodeConfig;

/**
 * Starts a worker in this process, and joins the cluster at `config.join`. Rejects with `PeerUnreachable`, `ProtocolMismatch`,
 * `NodeNameTaken`, `AddressInUse`; nothing stays behind then.
 */
export async function startWorker(config: WorkerConfig): Promise<RunningRole> {
  const { name } = config;
  const log = createLog(config.logLevel, { node: name });
  const executorCode = await threadCode('executors/executor-thread');
  const membership = await join(config, log);
  const { registry, address, incarnation, ended } = membership;
  const memory = createSoloMemory(Math.min(config.soloSessionsMax, Math.floor(config.sessionsOpenMax / 4)), config.executors);
  const gate = memory && new Gate({ config, memory, incarnation, node: () => node });
  let resolveStopped: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (resolveStopped = resolve));
  const { node, segment } = assembleNode({
    config,
    executorCode,
    solo: memory && gate && { memory, keeper: gateAddress, clientOf: (slot) => gate.clientOf(slot) },
    durable: new RegistryDurableStore(registry),
    cluster: name,
    log,
    outletOf: (to) => border.outletOf(to),
    flush: () => membership.flush(),
    mayOwe: () => border.isSending,
    stopped: resolveStopped,
  });
  const border = new WorkerBorder({ name, incarnation, config, node, ways: membership, registry, timers: realTimers, gate });
  if (!gate) refuseShortCalls(node, name);
  node.start();
  node.solo?.start();
  const fence = new Fence();
  let stopping: Promise<void> | null = null;
  const stop = async (drainMs: number): Promise<void> => {
    const untilMs = performance.now() + drainMs;
    const leftMs = () => Math.max(0, untilMs - performance.now());
    // First of all nobody sends anything new here; what is open may end.
    node.retire();
    await membership.withdraw(leftMs());
    await gate?.end();
    await drained(node, leftMs());
    await end(leftMs());
  };
  const end = async (partingMs: number): Promise<void> => {
    node.stop();
    await stopped;
    // Until they have heard of it, clients may still call: the gate says no.
    await membership.resign(partingMs);
    gate?.close(errorData('RuntimeClosed', 'the worker is stopping'));
    border.close(errorData('RuntimeClosed', 'the worker is stopping'));
    await node.close();
    await membership.leave();
    // What ZeroMQ may still send from there would be sent as zeros. Nobody waits for it: at the process's end the system frees it.
    void border.released().then(() => segment.close());
  };
  try {
    await membership.announce({
      received: (envelopes) => border.take(envelopes.filter(({ message }) => fence.admits(message))),
      lost: (envelope) => border.lost(envelope),
      joined: (member) => border.nodeJoined(member.name),
      left: (member) => border.nodeGone(member.name, member.role),
    });
  } catch (error) {
    // It may be another's name that it wanted: nothing is to be said in that name.
    await end(0);
    throw error;
  }
  return { name, address, ended, health: () => membership.health, stop: ({ drainMs = 0 } = {}) => (stopping ??= stop(drainMs)) };
}

async function join(config: WorkerConfig, log: LogLine): Promise<Membership> {
  const nats = await sharedRegistry(config, log);
  try {
    return await Membership.join(config, 'worker', log, nats);
  } catch (error) {
    await nats?.close();
    throw error;
  }
}

/** Resolves when no session is open here, and nothing is held for others'; or after `drainMs`. */
async function drained(node: Node, drainMs: number): Promise<void> {
  const untilMs = performance.now() + drainMs;
  while (node.isOccupied && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Clients do not know that it has no gate: an answer that never came would be waited for. */
function refuseShortCalls({ host }: Node, name: string): void {
  host.serve(gateAddress, (message) => {
    if (message.kind === 'soloCall') host.deliver(message.client, { kind: 'soloRefused', call: message.call });
    if (message.kind === 'soloRecall') host.deliver(message.owner, { kind: 'requestDone', request: message.request, result: null });
  });
  host.alias(atNode(gateAddress, name), gateAddress);
}
