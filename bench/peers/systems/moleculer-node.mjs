/** A node of moleculer, in a thread. */
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import moleculer from 'moleculer';

// #region open
const { name, port, urls } = workerData;
const transporter = { type: 'TCP', options: { udpDiscovery: false, port, urls, useHostname: false } };
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
  },
});
await broker.start();
parentPort.postMessage('ready');
