/**
 * The process in which one peer is measured: `node host.mjs NAME`. Plain JavaScript in a process of its own, as its user would run it, so
 * that it shares neither heap nor compiled code with what else is measured. It prints a line when it is ready; then each message names a
 * driver and its settings, and is answered with the values.
 */
import { readFileSync } from 'node:fs';
import { drivers } from './drivers.mjs';
import { systems } from './systems.mjs';

const [name = ''] = process.argv.slice(2);
const { packages, open } = await systems[name]();
const peer = await open();

// Some peers have nothing that would keep this process while they wait.
process.channel.ref();
process.on('message', (message) => void answer(message));
async function answer({ driver, settings }) {
  try {
    process.send({ values: await drivers[driver](peer, settings) });
  } catch (error) {
    process.send({ failed: error instanceof Error ? error.message : String(error) });
  }
}

process.once('SIGTERM', () => void end());
async function end() {
  await peer.close();
  process.exit(0);
}

const versions = packages.map((name) => {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return [name, JSON.parse(readFileSync(manifest, 'utf8')).version];
});
console.log(JSON.stringify({ ...Object.fromEntries(versions), ...peer.versions }));
