import { readFileSync } from 'node:fs';
import test from 'ava';
import { heapFlag } from '../../src/cluster/heap-flag.ts';
import { pages } from '../../docs/generate.ts';

for (const [page, describe] of pages) {
  test(`docs: ${page.pathname.split('/').at(-1)} is what the code generates (npm run docs)`, (t) => {
    t.is(readFileSync(page, 'utf8'), describe());
  });
}

test('docker-compose.yml starts workers with the flag that up starts them with', (t) => {
  const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  t.true(compose.includes(`exec node ${heapFlag} `));
});
