/** What our measures of the same names do, as users of the peer write it. */
import type { Measure } from '../measure.ts';
import type { Driver, LoadedPeer, Work } from '../peers.ts';
import { sizes } from './pass.ts';
import { givenToPeers, settings as wordCountSettings } from './word-count.ts';

/** Under which name and unit a driver's values stand, and how a reader is told what it was given. */
const measuredAs: { readonly [driver in Driver]: readonly [name: string, unit: string, (settings: Work['settings']) => object] } = {
  call: ['call', 'µs', ({ calls }) => ({ calls: `${String(calls)} back to back` })],
  chain: ['chain', 'µs/hop', ({ length }) => ({ length, payload: 'none' })],
  chainBytes: ['chain', 'µs/hop', ({ length, payloadBytes }) => ({ length, payload: `${String(payloadBytes)} bytes` })],
  fan: ['fan', 'ms', ({ width }) => ({ width })],
  pass: ['pass', 'µs', ({ sizeBytes }) => ({ size: sizeName(sizeBytes) })],
  throughput: ['throughput', 'sessions/s', ({ sessions, open }) => ({ sessions, open })],
  sleep: ['sleep', 'ms', ({ count, ms }) => ({ count, ms })],
  wordCount: ['word-count', 'ms', () => wordCountSettings],
};

const sizeName = (sizeBytes: unknown) => Object.entries(sizes).find(([, bytes]) => bytes === sizeBytes)?.[0];

export function peerMeasures(peer: LoadedPeer): readonly Measure[] {
  return (Object.keys(measuredAs) as Driver[]).flatMap((driver) => {
    const why = peer.without?.[driver];
    const works: readonly Work[] = why === undefined ? [peer.work[driver] ?? []].flat() : [{ settings: {}, warmUps: 0 }];
    return works.map((work) => ({ ...measureOf(peer, driver, work), unavailable: why }));
  });
}

function measureOf({ name: system, durable, how, host }: LoadedPeer, driver: Driver, { settings, warmUps }: Work): Measure {
  const [name, unit, tell] = measuredAs[driver];
  return {
    name,
    system,
    durable,
    unit,
    settings: { ...tell(settings), warmUps, how },
    mayFail: true,
    async prepare() {
      const told = { ...settings, ...(driver === 'wordCount' && (await givenToPeers())) };
      await host.open();
      const close = () => host.close();
      try {
        for (let i = 0; i < warmUps; i++) await host.drive(driver, told);
      } catch (error) {
        await close();
        throw error;
      }
      return { sample: () => host.drive(driver, told), close };
    },
  };
}
