/** Registries on a real NATS: each bench is a cluster of its own on one server. Leases run in virtual time, all else in real time. */
import { type ConsumerInfo, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { NatsRegistry } from '../../src/cluster/registry/nats-registry.ts';
import { Clock } from '../simulation/clock.ts';
import { NatsServer } from './nats-server.ts';
import { type Bench, portsOf } from './bench.ts';

let shared: Promise<NatsServer> | null = null;
let clusters = 0;

/** After the last bench of a process. */
export async function stopNats(): Promise<void> {
  await (await shared)?.remove();
}

export async function natsBench(): Promise<Bench> {
  shared ??= NatsServer.start();
  const { url } = await shared;
  const clock = new Clock(1_000);
  const clusterName = `test-${++clusters}`;
  const open = (node: string) =>
    NatsRegistry.open({ servers: url, clusterName, replicas: 1, node, log: () => undefined, ports: portsOf(clock) });
  const [first, other] = await Promise.allSettled([open('n1'), open('n2')]);
  if (first.status === 'rejected' || other.status === 'rejected') {
    // What is left open would keep the process.
    for (const one of [first, other]) if (one.status === 'fulfilled') await one.value.close();
    throw first.status === 'rejected' ? first.reason : (other as PromiseRejectedResult).reason;
  }
  const [registry, second] = [first.value, other.value];
  const registries = [registry, second];
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  const settled = () => Promise.all(registries.map((each) => each.settled()));

  /** Of a consumer that is just going the server says nothing: it is asked again. */
  async function isAnyBehind(): Promise<boolean> {
    const consumers: readonly (ConsumerInfo | null)[] = await manager.consumers.list(`KV_${clusterName}`).next();
    return consumers.some((consumer) => consumer === null || consumer.num_pending > 0);
  }

  /** Everything that was sent to consumers, and that they have caused, is there. */
  async function quiet(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      await settled();
      while (await isAnyBehind()) await pause();
      // What has left a consumer is on its way to the connection, and then comes before the next answer.
      await pause();
      await Promise.all(registries.map((each) => each.get('barrier').catch(() => null)));
    }
    await settled();
  }

  let turn = 0;
  return {
    registry,
    clock,
    isOrdered: false,
    another: () => (turn++ % 2 === 0 ? second : registry),
    quiet,
    pieces: async () => (await manager.streams.info(`PIECES_${clusterName}`)).state.messages,
    async close() {
      await Promise.all(registries.map((each) => each.close()));
      for (const stream of [`KV_${clusterName}`, `PIECES_${clusterName}`]) await manager.streams.delete(stream);
      await connection.close();
    },
  };
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
