/** A peer made by hand: a bare ZeroMQ socket that says what a test wants it to. */
import type { ExecutionContext } from 'ava';
import { Dealer } from 'zeromq';
import { type Datagram, readDatagram, writeBody } from '../../../src/cluster/transport/zmq/datagram.ts';
import { protocolVersion } from '../../../src/cluster/transport/zmq/greeting.ts';

export function openDealer(t: ExecutionContext, endpoint: string): Dealer {
  const dealer = new Dealer({ linger: 0, sendTimeout: 0, sendHighWaterMark: 100_000, receiveTimeout: 2_000 });
  dealer.connect(endpoint);
  t.teardown(() => dealer.close());
  return dealer;
}

export async function greet(dealer: Dealer, name: string): Promise<void> {
  const hello = { version: protocolVersion, name, role: 'worker', incarnation: 5, address: null };
  await dealer.send([...writeBody('hello', hello)]);
  const answer = await hear(dealer);
  if (answer?.kind !== 'welcome') throw new Error(`the answer was ${JSON.stringify(answer)}`);
}

export async function hear(dealer: Dealer): Promise<Datagram | null> {
  return readDatagram(await dealer.receive(), 0);
}
