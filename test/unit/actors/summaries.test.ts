import test from 'ava';
import fc from 'fast-check';
import { Summaries } from '../../../src/actors/coordinator/summaries.ts';
import type { SessionSummary } from '../../../src/actors/protocol/session.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';

function summary(id: string, message: string | null = null): SessionSummary {
  const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
  const error = message === null ? null : errorData('FunctionFailed', message);
  return { id, app: 'app', revision: 1, state: 'ended', openedMs: 0, endedMs: 1, error, history };
}

test('summaries: the oldest go when their bytes are too many, and their ids are told', (t) => {
  const summaries = new Summaries(2_000, 1_000);
  t.deepEqual(summaries.keep(summary('a'), 'mine', 0), []);
  t.deepEqual(summaries.keep(summary('b'), null, 0), []);
  t.deepEqual(summaries.keep(summary('c'), null, 0), []);
  t.deepEqual(summaries.keep(summary('d'), null, 0), [{ id: 'a', requestId: 'mine' }]);
  t.deepEqual(
    ['a', 'b', 'c', 'd'].map((id) => summaries.get(id)?.id),
    [undefined, 'b', 'c', 'd'],
  );
});

test('summaries: those too old go when the next one comes', (t) => {
  const summaries = new Summaries(1e9, 1_000);
  summaries.keep(summary('a'), 'mine', 0);
  summaries.keep(summary('b'), null, 900);
  t.deepEqual(summaries.keep(summary('c'), null, 1_001), [{ id: 'a', requestId: 'mine' }]);
  t.is(summaries.get('a'), undefined);
  t.is(summaries.get('b')?.id, 'b');
});

test('summaries: a large error counts for what it is', (t) => {
  const summaries = new Summaries(10_000, 1_000);
  summaries.keep(summary('a'), null, 0);
  summaries.keep(summary('b', 'x'.repeat(4_500)), null, 0);
  t.is(summaries.get('a'), undefined);
  t.is(summaries.get('b')?.id, 'b');
});

test('summaries: however many sessions end, no more are kept than fit', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(3_000), { maxLength: 200 }), (sizes) => {
      const summaries = new Summaries(20_000, 1e9);
      sizes.forEach((size, i) => void summaries.keep(summary(String(i), 'x'.repeat(size)), null, i));
      const kept = sizes.filter((_, i) => summaries.get(String(i)) !== undefined);
      return kept.reduce((sum, size) => sum + 512 + 2 * size, 0) <= 20_000;
    }),
  );
  t.pass();
});
