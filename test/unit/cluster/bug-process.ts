/** A coordinator's host, one of whose services has a bug that a message from another node finds. It ends by it, or after 10 s. */
import { setTimeout as sleep } from 'node:timers/promises';
import { endByBug } from '../../../src/cluster/bug.ts';
import { defaultConfig } from '../../../src/cluster/config.ts';
import { createLog } from '../../../src/cluster/log.ts';
import { realTimers } from '../../../src/cluster/node/assemble.ts';
import { CoordinatorHost } from '../../../src/cluster/roles/coordinator-host.ts';
import { Mesh, meshLimitsDefault, type MeshOptions } from '../../../src/cluster/transport/zmq/mesh.ts';

const log = createLog('error', { node: 'c1' });
const { host } = new CoordinatorHost(defaultConfig(), {
  name: 'c1',
  timers: realTimers,
  nowMs: () => Date.now(),
  random: () => Math.random(),
  outletOf: () => null,
  flush: () => undefined,
  log,
  onBug: endByBug(log),
});
host.serve('probe', (message) => console.log(`handled ${(message as { request: number }).request}`));
host.serve('bad', () => {
  throw new Error('a bug in a service');
});

function openMesh(name: string, received: MeshOptions['received']): Mesh {
  const nothing = () => undefined;
  return new Mesh({
    name,
    role: 'coordinator',
    incarnation: 1,
    limits: meshLimitsDefault,
    log,
    received,
    peerUp: nothing,
    peerDown: nothing,
  });
}

async function run(): Promise<void> {
  const c1 = openMesh('c1', (_, envelopes) => host.deliverAll(envelopes));
  const c2 = openMesh('c2', () => undefined);
  await c2.connect(await c1.listen('tcp://127.0.0.1:0'), 5_000);
  const link = c2.outletTo('c1');
  for (const [i, to] of ['probe', 'bad', 'probe'].entries()) link?.send(to, { kind: 'requestDone', request: i + 1, result: null });
  c2.flush();
  await sleep(10_000);
  process.exit(0);
}

void run();
