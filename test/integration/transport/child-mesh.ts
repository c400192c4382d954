/**
 * A process with a mesh that dials the one that is named. `echo`: it sends back what comes, until it is ended. `leave`: it says something,
 * closes, and then nothing may keep it alive.
 */
import { Mesh } from '../../../src/cluster/transport/zmq/mesh.ts';
import { quickLimits } from './meshes.ts';

const [endpoint, mode] = process.argv.slice(2) as [string, 'echo' | 'leave'];
const mesh: Mesh = new Mesh({
  name: 'child',
  role: 'worker',
  incarnation: Date.now(),
  limits: quickLimits,
  log: () => undefined,
  received(from, envelopes) {
    const link = mesh.outletTo(from.name);
    for (const { to, message } of envelopes) link?.send(to, message);
    link?.flush();
  },
  peerUp: () => undefined,
  peerDown: () => undefined,
});
const { name } = await mesh.connect(endpoint, 5_000);
if (mode === 'leave') {
  const link = mesh.outletTo(name);
  for (let request = 0; request < 5_000; request++) link?.send('somebody', { kind: 'requestDone', request, result: null });
  await mesh.close({ lingerMs: 5_000 });
}
