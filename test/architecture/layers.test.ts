import test from 'ava';
import { importsOf, readImports, sourcesOf } from './imports.ts';
import { exceptionFor, exceptions, layerOf, layers, refusal } from './layers.ts';

const files = sourcesOf(['src', 'scenarios']);
const imports = files.flatMap(readImports);

test('layers: every import in src and scenarios is one that its layer may make', (t) => {
  t.deepEqual(
    imports.map(refusal).filter((refused) => refused !== null),
    [],
  );
});

test('layers: every file is in a layer, and every layer has files with imports', (t) => {
  t.deepEqual(
    files.filter((file) => !layerOf(file)),
    [],
  );
  const checked = new Set(imports.map(({ from }) => layerOf(from)?.files));
  t.deepEqual(
    layers.map((layer) => layer.files).filter((layer) => !checked.has(layer)),
    [],
  );
});

test('layers: every exception is still needed', (t) => {
  const needed = new Set(imports.map(exceptionFor));
  t.deepEqual(
    exceptions.filter((exception) => !needed.has(exception)),
    [],
  );
});

for (const { from, name, what } of [
  { from: 'src/storage/probe.ts', name: '../actors/app.ts', what: 'storage to an actor' },
  { from: 'src/storage/probe.ts', name: '../api/errors.ts', what: 'storage to the API' },
  { from: 'src/actors/protocol/probe.ts', name: '../scheduler/state.ts', what: 'a message type to an actor' },
  { from: 'src/actors/scheduler/probe.ts', name: '../coordinator/state.ts', what: 'one actor to another' },
  { from: 'src/actors/scheduler/probe.ts', name: '../bucket/state.ts', what: "an actor to a bucket's state" },
  { from: 'src/actors/bucket/primitives/probe.ts', name: '../../../storage/object-store.ts', what: 'a primitive to the store' },
  { from: 'src/actors/client/probe.ts', name: '../../cluster/host.ts', what: 'an actor to its host' },
  { from: 'src/actors/client/probe.ts', name: 'node:fs', what: 'an actor to Node' },
  { from: 'src/actors/client/probe.ts', name: 'lmdb', what: 'an actor to a package' },
  { from: 'src/actors/hermit/probe.ts', name: '../bucket/handlers.ts', what: 'an actor of no known name to another' },
  { from: 'src/cluster/probe.ts', name: '../api/start-local.ts', what: 'the cluster to the API' },
  { from: 'src/index.ts', name: './cluster/host.ts', what: 'the package to a part that is not its API' },
  { from: 'src/api/probe.ts', name: 'pheromone', what: 'the package to itself by name' },
  { from: 'src/mapreduce/probe.ts', name: '../api/bucket.ts', what: 'MapReduce to a part of the package' },
  { from: 'src/mapreduce/probe.ts', name: '../index.ts', what: 'MapReduce to the package other than by its name' },
  { from: 'src/mapreduce/probe.ts', name: 'cbor-x', what: 'MapReduce to another package' },
  { from: 'src/api/probe.ts', name: '../mapreduce/index.ts', what: 'the API to MapReduce' },
  { from: 'scenarios/chain/probe.ts', name: '../../src/index.ts', what: 'a scenario to the sources' },
  { from: 'scenarios/chain/probe.ts', name: 'pheromone/dist/api/errors.js', what: 'a scenario to a part of the package' },
  { from: 'scenarios/chain/probe.ts', name: '../../test/architecture/layers.ts', what: 'a scenario to a test' },
  { from: 'bench/probe.ts', name: 'pheromone', what: 'a file that is in no layer' },
]) {
  test(`layers: an import from ${what} is refused`, (t) => {
    const [edge] = importsOf(from, `import { probe } from '${name}';\n`);
    t.is(typeof (edge && refusal(edge)), 'string');
  });
}

test('layers: an actor that imports at run time is refused', (t) => {
  const [edge] = importsOf('src/actors/client/probe.ts', `const later = import('./state.ts');\n`);
  t.regex((edge && refusal(edge)) ?? '', /at run time/);
});

test('imports: every form of import is found, and comments are not', (t) => {
  const text = `/**
 * import { comment } from './comment-1.ts';
 */
// import './comment-2.ts';
import './effect.ts';
import byDefault from './by-default.ts';
import type { Type } from './type.ts';
import { type Inline, inline } from './inline.ts';
import * as all from './all.ts';
import {
  one,
  two,
} from '../lines.ts';
export { again } from './again.ts';
export * from './everything.ts';
export type * from './types.ts';
import names from 'xstate';
const text = \`\${names} from './text.ts'\`;
export const constant = from('./call.ts');
type Member = import('./member.ts').Member;
const koffi = load() as typeof import('koffi');
const later = await import('./later.ts');
const waiting = import('./waiting.ts').then((module) => module.one);
`;
  const found = importsOf('src/api/probe.ts', text);
  t.deepEqual(
    found.filter(({ isDynamic }) => !isDynamic).map(({ to }) => to),
    [
      ...['src/api/effect.ts', 'src/api/by-default.ts', 'src/api/type.ts', 'src/api/inline.ts', 'src/api/all.ts', 'src/lines.ts'],
      ...['src/api/again.ts', 'src/api/everything.ts', 'src/api/types.ts', 'xstate', 'src/api/member.ts', 'koffi'],
    ],
  );
  t.deepEqual(
    found.filter(({ isDynamic }) => isDynamic).map(({ to }) => to),
    ['src/api/later.ts', 'src/api/waiting.ts'],
  );
});
