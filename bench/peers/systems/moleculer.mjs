/** moleculer: actions of a service, called over its TCP transporter. Two nodes, a thread each, and the caller's. What comes next is the caller's. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import moleculer from 'moleculer';
import { freePort } from '../service.mjs';

export const packages = ['moleculer'];

const nodes = ['node-1', 'node-2'];
const foundMsMax = 30_000;
/** By itself it refuses packets of more than 1 MiB. */
const maxPacketSize = 2 ** 26;

export async function open() {
  const names = ['caller', ...nodes];
  const ports = [];
  for (const _ of names) ports.push(await freePort());
  const urls = names.map((name, i) => `127.0.0.1:${ports[i]}/${name}`);
  const threads = nodes.map(
    (name, i) =>
      new Worker(new URL('moleculer-node.mjs', import.meta.url), { workerData: { name, port: ports[i + 1], urls, maxPacketSize } }),
  );
  await Promise.all(threads.map((thread) => once(thread, 'message')));

  // #region open
  const transporter = { type: 'TCP', options: { udpDiscovery: false, port: ports[0], urls, useHostname: false, maxPacketSize } };
  const broker = new moleculer.ServiceBroker({ nodeID: 'caller', transporter, logger: false });
  await broker.start();
  await broker.waitForServices('functions', foundMsMax);
  const run = (name, params) => broker.call(`functions.${name}`, params);
  // #endregion
  const deadlineMs = performance.now() + foundMsMax;
  while (broker.registry.actions.get('functions.next').count() < nodes.length) {
    if (performance.now() > deadlineMs) throw new Error(`the nodes have not found each other in ${foundMsMax} ms`);
    await sleep(50);
  }

  return {
    // #region call
    call: (value) => run('next', { value }),
    // #endregion

    // #region chain
    async chain(length) {
      let hops = 0;
      for (let i = 0; i < length; i++) hops = await run('next', { value: hops });
      return hops;
    },
    // #endregion

    // #region fan
    async fan(width) {
      const pieces = await Promise.all(Array.from({ length: width }, (_, i) => run('same', { value: i })));
      return run('sum', { values: pieces });
    },
    // #endregion

    // #region sleep
    async sleep(count, ms) {
      const woken = await Promise.all(Array.from({ length: count }, (_, i) => run('doze', { i, ms })));
      return new Set(woken).size;
    },
    // #endregion

    // #region word-count
    async wordCount(parts, reducers, functions) {
      const base64 = (bytes) => Buffer.from(bytes).toString('base64');
      const mapped = await Promise.all(parts.map((part) => run('mapPart', { functions, text: base64(part) })));
      const shares = Array.from({ length: reducers }, (_, share) => mapped.map((blocks) => blocks[share]));
      return Promise.all(shares.map((blocks) => run('reduceShare', { functions, blocks })));
    },
    // #endregion

    async close() {
      await broker.stop();
      for (const thread of threads) await thread.terminate();
    },
  };
}
