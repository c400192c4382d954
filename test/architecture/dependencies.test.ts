import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readImports, root, sourcesOf } from './imports.ts';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const dependencies = Object.keys(manifest.dependencies).sort();

function packagesOf(folders: readonly string[]): readonly string[] {
  const names = sourcesOf(folders)
    .flatMap(readImports)
    .filter(({ to, isFile }) => !isFile && !to.startsWith('node:'))
    .map(({ to }) => to);
  return [...new Set(names.map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name))].sort();
}

test('dependencies: what users install is what src imports, no more and no less', (t) => {
  const imported = packagesOf(['src']).filter((name) => name !== 'pheromone');
  t.deepEqual(imported, dependencies);
});

test('dependencies: what scenarios, measurements and docs import is declared too', (t) => {
  const declared = new Set(['pheromone', ...dependencies, ...Object.keys(manifest.devDependencies)]);
  const used = packagesOf(['scenarios', 'bench', 'docs']);
  t.true(used.includes('commander'), 'imports were found');
  t.deepEqual(
    used.filter((name) => !declared.has(name)),
    [],
  );
});
