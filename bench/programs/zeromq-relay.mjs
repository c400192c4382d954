/**
 * `zeromq-relay.mjs ADDRESS`: hands on what a client sends to the other end of bare ZeroMQ at ADDRESS (`zeromq.mjs`), and what that answers:
 * a node that everybody reaches, before one that nobody does. Prints where it listens. One client.
 */
import { Dealer, Router } from 'zeromq';

const back = new Dealer({ linger: 0 });
back.connect(String(process.argv[2]));
const front = new Router({ linger: 0 });
await front.bind('tcp://127.0.0.1:*');
process.stdout.write(`${front.lastEndpoint}\n`);

for await (const [client, message] of front) {
  await back.send(message);
  const [answer] = await back.receive();
  await front.send([client, answer]);
}
