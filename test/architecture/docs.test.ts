import test from 'ava';
import { describeActors, readActorsPage } from '../../docs/generate.ts';

test('docs: the page of actors is the one that the code generates (npm run docs)', (t) => {
  t.is(readActorsPage(), describeActors());
});
