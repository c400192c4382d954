/** A cluster whose registry is a real NATS, which is killed and comes back, or does not. */
import test from 'ava';
import { connect } from 'pheromone';
import { startCoordinator } from '../../../src/cluster/roles/coordinator.ts';
import { startWorker } from '../../../src/cluster/roles/worker.ts';
import { NatsServer, natsMissing } from '../../conformance/nats-server.ts';
import { roleConfig } from './started.ts';

const testIfThere = natsMissing ? test.skip : test;

testIfThere(
  `cluster on nats: nodes find each other, outlive a killed NATS that is back in time, and end without one${natsMissing}`,
  async (t) => {
    const nats = await NatsServer.start();
    t.teardown(() => nats.remove());
    const config = (name: string) => roleConfig(t, { name, registry: nats.url, executors: 1 });
    const coordinator = await startCoordinator(await config('c1'));
    const worker = await startWorker(await config('w1'));
    const runtime = await connect(coordinator.address);
    const durable = runtime.durable('kept');
    let ended = 0;
    const ends = [coordinator, worker].map((role) => role.ended.then((why) => (ended++, why)));
    await durable.put('before', Buffer.from('1'));
    await nats.kill();
    const during = durable.put('during', Buffer.from('2'));
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await nats.start();
    await during;
    t.deepEqual(Buffer.from((await durable.get('before')) ?? []).toString(), '1');
    t.deepEqual(Buffer.from((await durable.get('during')) ?? []).toString(), '2');
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    t.is(ended, 0, 'the leases have been renewed');
    await nats.kill();
    for (const why of await Promise.all(ends)) t.regex(String(why), /could not be renewed within 10000 ms/);
    await runtime.close();
    await Promise.all([worker.stop(), coordinator.stop()]);
  },
);
