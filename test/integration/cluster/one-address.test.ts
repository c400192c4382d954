/** Clients that reach no more than one address, that of a coordinator: their short calls go to workers' gates by way of it. */
import test from 'ava';
import { troubledApp } from '../runtime/apps/solo.ts';
import { eventually } from '../runtime/started.ts';
import { clientOf, clusterFor } from './started.ts';

/** Nobody listens there. */
const nowhere = 'tcp://127.0.0.1:1';

test('one address: a call runs at the worker’s gate, and costs the worker two messages', async (t) => {
  const cluster = await clusterFor(t, { workers: 0 });
  await cluster.addWorker({ advertise: nowhere });
  const client = await clientOf(t, cluster.address, { apps: [troubledApp] });
  const call = async () => t.regex((await client.call(troubledApp, 'passed', 'x'))?.told ?? '', /=x$/);
  // The long way, until it is known that the worker cannot be reached.
  await call();
  const messagesOf = async (calls: number) => {
    const { messagesSent: before } = await client.stats();
    for (let i = 0; i < calls; i++) await call();
    return (await client.stats()).messagesSent - before;
  };
  // The answer, and a summary, since its function has seen the session's id. The long way it is more.
  await eventually(t, 'calls go to the gate', async () => {
    const n = await messagesOf(5);
    return n === 10;
  });
  // What has to go home from there does, by the same way.
  t.is((await client.call(troubledApp, 'troubled', 'throws'))?.told, 'once=throws');
});
