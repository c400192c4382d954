/** A peer made by hand: a bare ZeroMQ socket that says what a test wants it to. */
import type { ExecutionContext } from 'ava';
import { Dealer, Router } from 'zeromq';
import { type Datagram, readDatagram, writeBody } from '../../../src/cluster/transport/zmq/datagram.ts';
import { protocolVersion } from '../../../src/cluster/transport/zmq/greeting.ts';

export function openDealer(t: ExecutionContext, endpoint: string): Dealer {
  const dealer = new Dealer({ linger: 0, sendTimeout: 0, sendHighWaterMark: 100_000, receiveTimeout: 2_000 });
  dealer.connect(endpoint);
  t.teardown(() => dealer.close());
  return dealer;
}

/** Of what it is sent and does not read, ZeroMQ and the system take as little as they can: the rest waits at the sender. */
const deaf = { linger: 0, sendTimeout: 0, receiveTimeout: 500, receiveHighWaterMark: 1, receiveBufferSize: 64 * 1024 } as const;

export function openDeafDealer(t: ExecutionContext, endpoint: string): Dealer {
  const dealer = new Dealer(deaf);
  dealer.connect(endpoint);
  t.teardown(() => dealer.close());
  return dealer;
}

export async function openDeafRouter(t: ExecutionContext): Promise<Router> {
  const router = new Router(deaf);
  await router.bind('tcp://127.0.0.1:0');
  t.teardown(() => router.close());
  return router;
}

/** Returns the routing id of who has dialled. */
export async function welcome(router: Router, name: string): Promise<Buffer> {
  const [id] = (await router.receive()) as [Buffer, ...Buffer[]];
  await router.send([id, ...writeBody('welcome', greetingOf(name))] as Buffer[]);
  return id;
}

export async function greet(dealer: Dealer, name: string): Promise<void> {
  await dealer.send([...writeBody('hello', greetingOf(name))]);
  const answer = await hear(dealer);
  if (answer?.kind !== 'welcome') throw new Error(`the answer was ${JSON.stringify(answer)}`);
}

function greetingOf(name: string): object {
  return { version: protocolVersion, name, role: 'worker', incarnation: 5, address: null };
}

export async function hear(dealer: Dealer): Promise<Datagram | null> {
  return readDatagram(await dealer.receive(), 0);
}
