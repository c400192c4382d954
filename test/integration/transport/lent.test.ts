/** Objects are sent from where they lie: what ZeroMQ still holds of them when a link has ended is sent as it was, or not at all. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { type Collect, collectorIfAny } from '../../../src/cluster/collector.ts';
import { ObjectSender, pieceBytes } from '../../../src/cluster/transfer/object-sender.ts';
import { type Datagram, readDatagram, writePacket } from '../../../src/cluster/transport/zmq/datagram.ts';
import { decodePiece } from '../../../src/cluster/wire/codec.ts';
import { anyPort, openMesh, type TestMesh, until, wayTo } from './meshes.ts';
import { greet, openDeafDealer, openDeafRouter, welcome } from './raw-peer.ts';

/** More than the system takes on the way to who does not read, which is some 3 MiB. */
const pieces = 12;
const sizeBytes = pieces * pieceBytes;
const right = Buffer.alloc(pieceBytes, 0xaa);
const packet = () => writePacket({ from: 1, to: 0, received: 0, sequence: 0, frame: null }) as Buffer[];

/** Returns what it reads next, when at last it reads; it throws when nothing comes. */
type Deaf = (t: ExecutionContext, a: TestMesh) => Promise<() => Promise<Datagram | null>>;

const peers: Record<string, Deaf> = {
  async 'who has dialled'(t, a) {
    const dealer = openDeafDealer(t, await a.mesh.listen(anyPort));
    await greet(dealer, 'deaf');
    await dealer.send(packet());
    return async () => readDatagram(await dealer.receive(), 0);
  },
  async 'who was dialled'(t, a) {
    const router = await openDeafRouter(t);
    const connected = a.mesh.connect(router.lastEndpoint ?? '', 10_000);
    const id = await welcome(router, 'deaf');
    await connected;
    await router.send([id, ...packet()]);
    return async () => readDatagram(await router.receive(), 1);
  },
};

interface End {
  /** Below the size of the object, its sender waits for room when the link ends. */
  readonly bytesCongested: number;
  end(a: TestMesh): void;
}

const ends: Record<string, End> = {
  disconnected: { bytesCongested: 2 * sizeBytes, end: (a) => a.mesh.disconnect('deaf') },
  'given up': {
    bytesCongested: (3 * sizeBytes) / 4,
    end: (a) => wayTo(a, 'deaf').send('there', { kind: 'objectPiece', request: 8, at: 0, bytes: new Uint8Array(2 * sizeBytes - 1_000) }),
  },
};

/** So that nothing is missed that V8 has not collected yet. */
async function collectOften(collect: Collect): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    await sleep(1);
  }
}

/** Where the pieces begin that came before the goodbye or silence. */
async function readAll(t: ExecutionContext, read: () => Promise<Datagram | null>): Promise<number[]> {
  const came: number[] = [];
  for (;;) {
    const datagram = await read().catch(() => null);
    if (datagram === null || datagram.kind === 'bye') return came;
    if (datagram.kind !== 'packet' || datagram.packet.frame === null || !('head' in datagram.packet.frame)) continue;
    const [envelope] = decodePiece(datagram.packet.frame);
    if (envelope?.message.kind !== 'objectPiece') throw new Error('it is no piece');
    const { at, bytes } = envelope.message;
    t.true(right.equals(bytes), `the piece at ${at} has other bytes`);
    came.push(at);
  }
}

for (const [who, openDeaf] of Object.entries(peers)) {
  for (const [how, { bytesCongested, end }] of Object.entries(ends)) {
    test.serial(`transport: lent: a peer ${who} and is ${how} while pieces are queued never gets wrong bytes`, async (t) => {
      const limits = { bytesHeldMax: 2 * sizeBytes, bytesCongested, peerTimeoutMs: 60_000, reconnectMsMax: 1_000 };
      const a = openMesh(t, 'a', { limits });
      const read = await openDeaf(t, a);
      await until('they know each other', () => a.mesh.outletTo('deaf') !== null && a.mesh.counters.malformed === 0);
      const way = wayTo(a, 'deaf');
      await until('its number is known', () => {
        way.send('there', { kind: 'requestDone', request: 1, result: null });
        way.flush();
        return way.counters.framesSent > 0;
      });
      const object = Buffer.from(new SharedArrayBuffer(sizeBytes)).fill(0xaa);
      let isReleased = false;
      const release = () => {
        isReleased = true;
        // Used again.
        object.fill(0xdb);
      };
      const sender = new ObjectSender({ incarnation: 1, source: { hold: () => object, release }, wayTo: () => way });
      sender.take({ kind: 'fetchObject', owner: 'imports@deaf', request: 7, incarnation: 1, offset: 0, serial: 1, sizeBytes });
      t.true(way.load.bytes >= Math.min(sizeBytes, bytesCongested));
      end(a);
      t.is(a.mesh.outletTo('deaf'), null);
      const collect = collectorIfAny();
      if (!collect) throw new Error('this thread has no collector');
      await collectOften(collect);
      // A socket that was dialled may be closed by now, and have dropped them.
      if (who === 'who has dialled') t.false(isReleased);
      const came = await readAll(t, read);
      if (who === 'who has dialled') t.is(came.length, Math.min(sizeBytes, bytesCongested) / pieceBytes, 'all that had left');
      await until('the object is released', () => {
        collect();
        return isReleased;
      });
      t.is(sender.holding, 0);
    });
  }
}
