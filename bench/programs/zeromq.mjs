/**
 * `zeromq.mjs BYTES [thread]`: the other end of bare ZeroMQ. Prints where it listens; sends small messages back, and answers large ones when
 * so many bytes have come, with the sum of the first bytes of their messages. With `thread` small ones go through another thread, as a
 * function does that does not run where messages are taken.
 */
import { Worker } from 'node:worker_threads';
import { Router } from 'zeromq';

const [, , bytes, how] = process.argv;
const sizeBytes = Number(bytes);
const smallBytesMax = 1_024;

const router = new Router({ linger: 0 });
await router.bind('tcp://127.0.0.1:*');
process.stdout.write(`${router.lastEndpoint}\n`);

const echo = "const { parentPort: port } = require('node:worker_threads'); port.on('message', (message) => port.postMessage(message));";
const thread = how === 'thread' ? new Worker(echo, { eval: true }) : null;
/** @param {Uint8Array} message */
const through = (message) => new Promise((resolve) => thread?.once('message', resolve).postMessage(message));

let come = { bytes: 0, sum: 0 };
for await (const [from, message] of router) {
  if (message.length <= smallBytesMax) {
    await router.send([from, thread ? await through(new Uint8Array(message)) : message]);
    continue;
  }
  come = { bytes: come.bytes + message.length, sum: come.sum + message[0] };
  if (come.bytes < sizeBytes) continue;
  await router.send([from, JSON.stringify(come)]);
  come = { bytes: 0, sum: 0 };
}
