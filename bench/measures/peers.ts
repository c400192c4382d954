/** What our measures of the same names do, as users of the peer write it. */
import type { Measure } from '../measure.ts';
import type { Driver, LoadedPeer, Work } from '../peers.ts';
import { sizes } from './pass.ts';

/** Under which name and unit a driver's values stand, and how a reader is told what it was given. */
const measuredAs: { readonly [driver in Driver]: readonly [name: string, unit: string, (settings: Work['settings']) => object] } = {
  call: ['call', 'µs', ({ calls }) => ({ calls: `${calls} back to back` })],
  chain: ['chain', 'µs/hop', ({ length }) => ({ length, payload: 'none' })],
  chainBytes: ['chain', 'µs/hop', ({ length, payloadBytes }) => ({ length, payload: `${payloadBytes} bytes` })],
  fan: ['fan', 'ms', ({ width }) => ({ width })],
  pass: ['pass', 'µs', ({ sizeBytes }) => ({ size: sizeName(sizeBytes) })],
  throughput: ['throughput', 'sessions/s', ({ sessions, open }) => ({ sessions, open })],
  sleep: ['sleep', 'ms', ({ count, ms }) => ({ count, ms })],
};

const sizeName = (sizeBytes: number | undefined) => Object.entries(sizes).find(([, bytes]) => bytes === sizeBytes)?.[0];

export function peerMeasures(peer: LoadedPeer): readonly Measure[] {
  return (Object.keys(measuredAs) as Driver[]).flatMap((driver) =>
    [peer.work[driver] ?? []].flat().map((work) => measureOf(peer, driver, work)),
  );
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
      await host.open();
      const close = () => host.close();
      try {
        for (let i = 0; i < warmUps; i++) await host.drive(driver, settings);
      } catch (error) {
        await close();
        throw error;
      }
      return { sample: () => host.drive(driver, settings), close };
    },
  };
}
