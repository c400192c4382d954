import { readFileSync } from 'node:fs';
import test from 'ava';
import { pages } from '../../docs/generate.ts';

for (const [page, describe] of pages) {
  test(`docs: ${page.pathname.split('/').at(-1)} is what the code generates (npm run docs)`, (t) => {
    t.is(readFileSync(page, 'utf8'), describe());
  });
}
