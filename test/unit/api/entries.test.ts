/** The two ways to open a session, made one. */
import test from 'ava';
import { bucket } from 'pheromone';
import { readClientEntry, readEntries, readEntry } from '../../../src/api/entries.ts';

const parts = bucket<number>('parts');

test('entries: objects by bucket come in the order written, with nulls for what is missing', (t) => {
  const options = { priority: 1 };
  t.deepEqual(
    readEntries('call', [{ parts: [{ value: 1 }, { key: 'k', group: 'g', value: 2 }], counts: [{ value: undefined }] }, options]),
    {
      entries: [
        { bucket: 'parts', key: null, group: null, value: 1 },
        { bucket: 'parts', key: 'k', group: 'g', value: 2 },
        { bucket: 'counts', key: null, group: null, value: undefined },
      ],
      options,
    },
  );
});

test('entries: one object is given by bucket or name and its value, whatever that is', (t) => {
  const entries = [{ bucket: 'parts', key: null, group: null, value: { until: 'end' } }];
  t.deepEqual(readEntries('call', [parts, { until: 'end' }, { retries: 1 }]), { entries, options: { retries: 1 } });
  t.deepEqual(readEntries('call', ['parts', { until: 'end' }]), { entries, options: undefined });
});

test('entries: a bucket called like a field of a bucket is still an entry', (t) => {
  t.is(readEntries('call', [{ name: [{ value: 1 }], on: [{ value: 2 }] }]).entries.length, 2);
});

test('entries: what is malformed is refused, its field named', (t) => {
  const refused = (read: () => unknown, field: string, value: unknown) => {
    const error = t.throws(read);
    t.like(error, { code: 'InvalidOption', field });
    t.deepEqual((error as unknown as { value: unknown }).value, value);
  };
  refused(() => readEntries('call', [null]), 'entries', null);
  refused(() => readEntries('call', [[{ value: 1 }]]), 'entries', [{ value: 1 }]);
  refused(() => readEntries('call', [{ parts: 5 }]), 'entries.parts', 5);
  refused(() => readEntries('call', [{ parts: [{ value: 1 }, 5] }]), 'entries.parts[1]', 5);
  refused(() => readEntries('call', [{ parts: [{ key: 'k' }] }]), 'entries.parts[0]', { key: 'k' });
  refused(() => readEntries('call', [{ parts: [{ key: 5, value: 1 }] }]), 'entries.parts[0].key', 5);
  refused(() => readEntries('call', [{ parts: [{ group: '', value: 1 }] }]), 'entries.parts[0].group', '');
  refused(() => readEntries('call', [{ parts: [{ value: 1, grup: 'x' }] }]), 'entries.parts[0].grup', 'x');
  refused(() => readClientEntry('put', 'object', 'parts', { value: 1, delayMs: 5 }), 'object.delayMs', 5);
  refused(() => readEntry('put', 'object', 'parts', { key: 'k'.repeat(1_025), value: 1 }), 'object.key', 'k'.repeat(1_025));
});
