/** A node of moleculer, in a thread. */
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import moleculer from 'moleculer';

// #region open
const { name, port, urls, maxPacketSize } = workerData;
const transporter = { type: 'TCP', options: { udpDiscovery: false, port, urls, useHostname: false, maxPacketSize } };
const broker = new moleculer.ServiceBroker({ nodeID: name, transporter, logger: false });
// #endregion
broker.createService({
  name: 'functions',
  actions: {
    // #region call chain
    next: ({ params }) => params.value + 1,
    // #endregion
    // #region fan
    same: ({ params }) => params.value,
    sum: ({ params }) => params.values.reduce((sum, value) => sum + value, 0),
    // #endregion
    // #region sleep
    async doze({ params }) {
      await setTimeout(params.ms);
      return params.i;
    },
    // #endregion
    // #region word-count
    async mapPart({ params: { functions, text } }) {
      const { mapPart } = await import(functions);
      return mapPart(Buffer.from(text, 'base64')).map((block) => Buffer.from(block).toString('base64'));
    },
    async reduceShare({ params: { functions, blocks } }) {
      const { reduceShare } = await import(functions);
      const { words, distinct, fingerprint } = reduceShare(blocks.map((block) => Buffer.from(block, 'base64')));
      return { words, distinct, fingerprint };
    },
    // #endregion
  },
});
await broker.start();
parentPort.postMessage('ready');
