/** The journals of solo sessions: what was written and published is read back, by anybody, from anywhere, wherever it lies. */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import {
  hasSlabs,
  type JournalRecord,
  JournalWriter,
  readFields,
  readJournal,
  readOutput,
  writeFields,
} from '../../../src/storage/solo/journal.ts';
import { positionUnitBytes, slotState, stageRunning, stageRecalled } from '../../../src/storage/solo/slot-state.ts';
import { createSoloMemory, slabBytes, slabsPerSlotMax, slotBytes, slotFieldsBytes } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';

const fields = { install: 7, openedMs: 1_700_000_000_123, maker: 0xffff_fffe, counter: 0x8000_0001 };
const slotJournalBytes = slotBytes - slotFieldsBytes;

function tableOf(): SoloTable {
  return new SoloTable(createSoloMemory(32, 2)!);
}

/** Of what the slot's last session has left nothing may be seen. */
function openSlot(table: SoloTable, slot: number): JournalWriter {
  table.releaseSlabs(slot);
  writeFields(table, slot, fields);
  return new JournalWriter(table, slot);
}

function write(writer: JournalWriter, record: JournalRecord): boolean {
  switch (record.kind) {
    case 'object':
      return writer.object(record.source, record.bucket, record.key, record.group, record.ref);
    case 'begin':
      return writer.begin(record.trigger, record.inputs);
    case 'output':
      return writer.output(record.ref.encoding, record.ref.inline!);
    case 'done':
      return writer.done();
  }
}

/** Where each of them begins, and the end. */
function writeAll(writer: JournalWriter, records: readonly JournalRecord[]): number[] {
  const positions = [writer.position];
  for (const record of records) {
    if (!write(writer, record)) throw new Error(`no room for record ${positions.length}`);
    positions.push(writer.position);
  }
  return positions;
}

function inline(bytes: Uint8Array, encoding = 1) {
  return { encoding, sizeBytes: bytes.byteLength, inline: bytes, offset: -1 };
}

function object(key: string, ref = inline(new Uint8Array(3).fill(9))): JournalRecord {
  return { kind: 'object', source: 0, bucket: 0, key, group: null, ref };
}

const plain = { noNullPrototype: true } as const;
const everyText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', '\ud83d', '\udc00a', 'é'.repeat(1_024), 'k'.repeat(1_024), '\u0000', '\u007f\u0080'),
);
const everyWord = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1));
const everyInline = fc.record({
  encoding: fc.integer({ min: 0, max: 11 }),
  sizeBytes: fc.integer({ min: 0, max: 1_024 }),
  from: fc.nat(255),
});
const everyInlineRef = everyInline.map(({ encoding, sizeBytes, from }) =>
  inline(
    Uint8Array.from({ length: sizeBytes }, (_, i) => from + 7 * i),
    encoding,
  ),
);
/** Blocks lie on multiples of 64, and no arena is larger than 4 GiB less a page. */
const everyBlockRef = fc
  .record({ encoding: fc.nat(11), sizeBytes: everyWord, offset: fc.nat(2 ** 26 - 65).map((block) => block * 64) })
  .map((ref) => ({ ...ref, inline: null }));
const everyObject = fc.record(
  {
    kind: fc.constant('object' as const),
    source: everyWord,
    bucket: fc.nat(999),
    key: everyText,
    group: fc.option(everyText),
    ref: fc.oneof(everyInlineRef, everyBlockRef),
  },
  plain,
);
const everyBegin = fc.record(
  {
    kind: fc.constant('begin' as const),
    trigger: fc.nat(999),
    inputs: fc.oneof(fc.array(everyWord, { maxLength: 8 }), fc.array(everyWord, { minLength: 300, maxLength: 600 })),
  },
  plain,
);
const everyOutput = fc.record({ kind: fc.constant('output' as const), ref: everyInlineRef }, plain);
const everyRecord: fc.Arbitrary<JournalRecord> = fc.oneof(
  { arbitrary: everyObject, weight: 5 },
  { arbitrary: everyBegin, weight: 3 },
  { arbitrary: everyOutput, weight: 1 },
  { arbitrary: fc.constant<JournalRecord>({ kind: 'done' }), weight: 2 },
);
const someRecords = fc.array(everyRecord, { maxLength: 30 });
const manyRecords = fc.array(everyRecord, { minLength: 150, maxLength: 400, size: 'max' });

test('journal: what was written is read back, in order, also from the middle', (t) => {
  const table = tableOf();
  fc.assert(
    fc.property(someRecords, fc.nat(29), fc.integer({ min: 0, max: 31 }), (records, from, slot) => {
      const positions = writeAll(openSlot(table, slot), records);
      const start = Math.min(from, records.length);
      const isGood =
        isDeepStrictEqual(readJournal(table, slot, 0, positions.at(-1)!), records) &&
        isDeepStrictEqual(readJournal(table, slot, positions[start]!, positions.at(-1)!), records.slice(start)) &&
        isDeepStrictEqual(readJournal(table, slot, 0, positions[start]!), records.slice(0, start));
      table.releaseSlabs(slot);
      return isGood;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('journal: goes on in slabs, and is read across them, from any record to any other', (t) => {
  const table = tableOf();
  let slabs = 0;
  fc.assert(
    fc.property(manyRecords, fc.nat(), fc.nat(), (records, a, b) => {
      const positions = writeAll(openSlot(table, 3), records);
      slabs = Math.max(slabs, table.slabsTaken);
      const [start, end] = [a % positions.length, b % positions.length].sort((x, y) => x - y) as [number, number];
      return (
        isDeepStrictEqual(readJournal(table, 3, 0, positions.at(-1)!), records) &&
        isDeepStrictEqual(readJournal(table, 3, positions[start]!, positions[end]!), records.slice(start, end))
      );
    }),
    { numRuns: 20 },
  );
  t.true(slabs > 2, `${slabs} slabs at most`);
});

test('journal: whoever takes a session over writes on where the other has stopped', (t) => {
  const table = tableOf();
  fc.assert(
    fc.property(manyRecords, fc.array(fc.nat(), { maxLength: 20 }), (records, turns) => {
      const handOvers = new Set(turns.map((turn) => turn % records.length));
      openSlot(table, 4);
      // Two that pass the session to each other: each has written its own part, and skips that of the other.
      const writers = [new JournalWriter(table, 4), new JournalWriter(table, 4)];
      let writer = writers[0]!;
      for (const [i, record] of records.entries()) {
        if (handOvers.has(i)) {
          const { position } = writer;
          writer = writers[writer === writers[0] ? 1 : 0]!;
          writer.moveTo(position);
        }
        if (!write(writer, record)) return false;
      }
      return isDeepStrictEqual(readJournal(table, 4, 0, writer.position), records);
    }),
    { numRuns: 20 },
  );
  t.pass();
});

test('journal: positions are multiples of the unit that state words count in, and rise', (t) => {
  const table = tableOf();
  fc.assert(
    fc.property(someRecords, (records) => {
      const positions = writeAll(openSlot(table, 5), records);
      return positions.every((position, i) => position % positionUnitBytes === 0 && (i === 0 || position > positions[i - 1]!));
    }),
  );
  t.pass();
});

test('journal: the records of two slots that take slabs in turn do not mix', (t) => {
  const table = tableOf();
  const filled = (key: string) => object(key, inline(new Uint8Array(1_024).fill(key.length)));
  const [one, other] = [openSlot(table, 6), openSlot(table, 7)];
  const [ofOne, ofOther] = [1, 2].map((slot) => Array.from({ length: 300 }, (_, i) => filled(`${slot}/${i}`))) as [
    JournalRecord[],
    JournalRecord[],
  ];
  for (const [i, record] of ofOne.entries()) {
    t.true(write(one, record));
    t.true(write(other, ofOther[i]!));
  }
  t.deepEqual(readJournal(table, 6, 0, one.position), ofOne);
  t.deepEqual(readJournal(table, 7, 0, other.position), ofOther);
  table.releaseSlabs(6);
  table.releaseSlabs(7);
  t.is(table.slabsTaken, 0);
});

test('journal: a slot that is filled to its last byte, and a slab that is', (t) => {
  const table = tableOf();
  const writer = openSlot(table, 8);
  const dones: JournalRecord[] = [];
  const fill = (bytes: number) => {
    for (let i = 0; i < bytes / positionUnitBytes; i++) {
      writer.done();
      dones.push({ kind: 'done' });
    }
  };
  fill(slotJournalBytes);
  t.is(writer.position, slotJournalBytes);
  t.false(hasSlabs(table, 8));
  fill(slabBytes);
  t.is(writer.position, slotJournalBytes + slabBytes);
  t.is(table.slabsTaken, 1);
  t.deepEqual(readJournal(table, 8, 0, writer.position), dones);
  t.true(write(writer, object('last')));
  t.is(table.slabsTaken, 2);
  t.deepEqual(readJournal(table, 8, slotJournalBytes + slabBytes, writer.position), [object('last')]);
  t.deepEqual(readJournal(table, 8, slotJournalBytes - 8, slotJournalBytes + 8), [{ kind: 'done' }, { kind: 'done' }]);
});

test('journal: without a slab for it a record is refused, nothing has changed, and a smaller one may have room', (t) => {
  const table = tableOf();
  const others: number[] = [];
  for (let i = 0; i < 64; i++) others.push(table.takeSlab(31));
  t.true(others.every((slab) => slab >= 0));
  const writer = openSlot(table, 9);
  const large = object('large', inline(new Uint8Array(1_000)));
  t.true(write(writer, large));
  const { position } = writer;
  t.false(write(writer, large));
  t.false(write(writer, { kind: 'begin', trigger: 1, inputs: Array.from({ length: 400 }, (_, i) => i) }));
  t.false(write(writer, { kind: 'output', ref: inline(new Uint8Array(1_000)) }));
  t.is(writer.position, position);
  t.false(hasSlabs(table, 9));
  t.is(readOutput(table, 9), null);
  t.true(write(writer, object('small')));
  t.true(writer.done());
  t.deepEqual(readJournal(table, 9, 0, writer.position), [large, object('small'), { kind: 'done' }]);
  table.releaseSlabs(31);
  t.true(write(writer, large), 'a slab is free again');
  t.deepEqual(readJournal(table, 9, position, writer.position), [object('small'), { kind: 'done' }, large]);
});

test('journal: a session has so many slabs and no more; what it has published stays readable', (t) => {
  const table = tableOf();
  const writer = openSlot(table, 10);
  const written: JournalRecord[] = [];
  const next = () => object(`k${written.length}`, inline(new Uint8Array(1_024).fill(written.length)));
  while (write(writer, next())) written.push(next());
  t.is(table.slabsTaken, slabsPerSlotMax);
  t.true(written.length > slabsPerSlotMax * 60, `${written.length}`);
  t.true(writer.position <= slotJournalBytes + slabsPerSlotMax * slabBytes);
  t.true(isDeepStrictEqual(readJournal(table, 10, 0, writer.position), written));
  t.true(writer.done(), 'there is room for its end');
  t.deepEqual(readJournal(table, 10, writer.position - 8, writer.position), [{ kind: 'done' }]);
});

test('journal: a record that is longer than a slab is refused', (t) => {
  const table = tableOf();
  const writer = openSlot(table, 11);
  t.false(
    writer.begin(
      0,
      Array.from({ length: slabBytes / 4 }, (_, i) => i),
    ),
  );
  t.false(hasSlabs(table, 11));
  const inputs = Array.from({ length: slabBytes / 4 - 2 }, (_, i) => i);
  t.true(writer.begin(0, inputs), 'one that fills it is not');
  t.deepEqual(readJournal(table, 11, 0, writer.position), [{ kind: 'begin', trigger: 0, inputs }]);
});

test('journal: what is read does not change when the slot gets another session', (t) => {
  const table = tableOf();
  const writer = openSlot(table, 12);
  const records = [object('first'), { kind: 'output', ref: inline(new Uint8Array([1, 2, 3])) } as const];
  writeAll(writer, records);
  writer.showOutput();
  const read = readJournal(table, 12, 0, writer.position);
  const output = readOutput(table, 12);
  table.bytes.fill(0xdb, table.slotOffset(12), table.slotOffset(12) + slotBytes);
  t.deepEqual(read, records);
  t.deepEqual(output, inline(new Uint8Array([1, 2, 3])));
});

test('fields: are read as they were written, and do not touch the journal or another slot', (t) => {
  const table = tableOf();
  const part = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constant(2 ** 32 - 1));
  const everyFields = fc.record({ install: part, openedMs: fc.nat({ max: 2 ** 48 - 1 }), maker: part, counter: part }, plain);
  fc.assert(
    fc.property(everyFields, everyFields, (one, other) => {
      writeFields(table, 13, one);
      writeFields(table, 14, other);
      const writer = new JournalWriter(table, 13);
      writeAll(writer, [object('a'), { kind: 'done' }]);
      return isDeepStrictEqual(readFields(table, 13), one) && isDeepStrictEqual(readFields(table, 14), other);
    }),
  );
  t.deepEqual(readJournal(table, 13, 0, 32), [object('a'), { kind: 'done' }]);
});

test('output: is seen when it is shown, in the slot and in a slab, and not by the next session of the slot', (t) => {
  const table = tableOf();
  for (const before of [0, 3]) {
    const writer = openSlot(table, 15);
    for (let i = 0; i < before; i++) write(writer, object('x', inline(new Uint8Array(1_000))));
    const bytes = Uint8Array.from({ length: 1_024 }, (_, i) => i);
    t.true(writer.output(8, bytes));
    t.is(readOutput(table, 15), null);
    writer.showOutput();
    t.deepEqual(readOutput(table, 15), inline(bytes, 8));
    t.true(write(writer, object('after')));
    t.deepEqual(readOutput(table, 15), inline(bytes, 8), 'what comes after it does not matter');
  }
  openSlot(table, 15);
  t.is(readOutput(table, 15), null);
});

test('output: may be empty', (t) => {
  const table = tableOf();
  const writer = openSlot(table, 16);
  writer.output(0, new Uint8Array());
  writer.showOutput();
  t.deepEqual(readOutput(table, 16), inline(new Uint8Array(), 0));
  t.deepEqual(readJournal(table, 16, 0, writer.position), [{ kind: 'output', ref: inline(new Uint8Array(), 0) }]);
});

test('journal: who has lost the slot writes nothing into it', (t) => {
  const table = tableOf();
  openSlot(table, 4);
  const journal = new JournalWriter(table, 4);
  journal.state = table.state(4);
  t.true(write(journal, object('mine')));
  const state = slotState(stageRunning, 0, journal.position);
  t.true(table.swap(4, journal.state, state));
  journal.state = state;
  // The node takes it, and a client puts another session there.
  t.true(table.swap(4, state, slotState(stageRecalled, 0, journal.position)));
  const before = table.bytes.slice();
  t.false(write(journal, object('too late')));
  t.false(journal.begin(0, [0]));
  t.false(journal.done());
  journal.noteNamed();
  journal.tell({ superseded: 1, late: 1, tookMs: 1 });
  t.deepEqual(table.bytes.slice(), before);
});

test('journal: an output is in memory that nothing else lies in', (t) => {
  const table = tableOf();
  const journal = openSlot(table, 4);
  t.true(journal.output(0, new Uint8Array(500).fill(7)));
  journal.showOutput();
  const bytes = readOutput(table, 4)?.inline;
  t.deepEqual(bytes, new Uint8Array(500).fill(7));
  t.is(bytes?.buffer.byteLength, 500);
  t.false(bytes?.buffer instanceof SharedArrayBuffer);
});
