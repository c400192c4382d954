/**
 * `zeromq.mjs BYTES`: the other end of bare ZeroMQ. Prints where it listens; sends small messages back, and answers large ones when so
 * many bytes have come, with the sum of the first bytes of their messages.
 */
import { Router } from 'zeromq';

const sizeBytes = Number(process.argv[2]);
const smallBytesMax = 1_024;

const router = new Router({ linger: 0 });
await router.bind('tcp://127.0.0.1:*');
process.stdout.write(`${router.lastEndpoint}\n`);

let come = { bytes: 0, sum: 0 };
for await (const [from, message] of router) {
  if (message.length <= smallBytesMax) {
    await router.send([from, message]);
    continue;
  }
  come = { bytes: come.bytes + message.length, sum: come.sum + message[0] };
  if (come.bytes < sizeBytes) continue;
  await router.send([from, JSON.stringify(come)]);
  come = { bytes: 0, sum: 0 };
}
