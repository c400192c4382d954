/** A coordinator that comes back reads what was recorded of its apps, while another joins. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { shardOf } from '../../../src/actors/protocol/session-id.ts';
import { LmdbRegistry } from '../../../src/cluster/registry/lmdb-registry.ts';
import { startCoordinator } from '../../../src/cluster/roles/coordinator.ts';
import type { RunningRole } from '../../../src/cluster/roles/role.ts';
import { startWorker } from '../../../src/cluster/roles/worker.ts';
import { preferredFor } from '../../../src/cluster/shard-claims.ts';
import { shardKey } from '../../../src/cluster/view.ts';
import { eventually } from '../runtime/started.ts';
import { copyApp } from './apps.ts';
import { clientOf, roleConfig } from './started.ts';

/** Longer than a coordinator takes to give away what it need not keep. */
const settledMs = 500;

function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

/** A name with which one is preferred to `other` for the app. */
function nameBefore(other: string, app: string): string {
  for (let i = 2; ; i++) if (preferredFor(shardOf(app), [other, `c${i}`]) !== other) return `c${i}`;
}

test('coming back: what is still being read is not given to one that joins, and can be changed afterwards', async (t) => {
  t.timeout(60_000);
  const config = await roleConfig(t, { name: 'c1' });
  const worker = await roleConfig(t, { name: 'w1' });
  const before = await startCoordinator(config);
  const { address } = before;
  const workerBefore = await startWorker({ ...worker, join: address });
  const clientBefore = await clientOf(t, address, { apps: [copyApp] });
  await clientBefore.close();
  await workerBefore.stop();
  await before.stop();

  const apps = `apps/${shardOf(copyApp.name)}/`;
  const reading = latch();
  const read = latch();
  const { list } = LmdbRegistry.prototype;
  t.teardown(() => (LmdbRegistry.prototype.list = list));
  LmdbRegistry.prototype.list = async function (prefix) {
    const found = await list.call(this, prefix);
    if (prefix !== apps) return found;
    reading.open();
    await read.opened;
    return found;
  };
  const back = startCoordinator({ ...config, listen: address });
  const others: RunningRole[] = [];
  t.teardown(async () => {
    read.open();
    for (const role of others) await role.stop();
    await (await back).stop();
  });
  await reading.opened;
  LmdbRegistry.prototype.list = list;
  const claims: string[] = [];
  const { put } = LmdbRegistry.prototype;
  t.teardown(() => (LmdbRegistry.prototype.put = put));
  LmdbRegistry.prototype.put = function (key, ...given) {
    claims.push(key);
    return put.call(this, key, ...given);
  };
  others.push(await startCoordinator(await roleConfig(t, { name: nameBefore('c1', copyApp.name), join: address })));
  await sleep(settledMs);
  t.false(claims.includes(shardKey(shardOf(copyApp.name))));
  read.open();
  await back;
  others.unshift(await startWorker({ ...worker, join: address }));
  await eventually(t, 'shards without apps are given away', () => claims.some((key) => key.startsWith('shards/')));

  // Which registers it, as a new revision.
  const client = await clientOf(t, address, { apps: [copyApp] });
  t.deepEqual(await client.call(copyApp, 'given', new Uint8Array([1])), new Uint8Array([1]));
});
