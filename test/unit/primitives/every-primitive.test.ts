/** What holds for all primitives alike. The driver checks P2 and the CBOR round trip in every one of these runs. */
import test from 'ava';
import fc from 'fast-check';
import { builtInPrimitives } from '../../../src/actors/bucket/primitives/index.ts';
import { Driver, type DriverOptions, type Step } from './driver.ts';
import { survivesJunk } from './options-check.ts';

interface Case {
  readonly kind: string;
  readonly options: unknown;
  readonly passesOver?: DriverOptions['passesOver'];
}

const sources = ['a', 'b'];
const cases: readonly Case[] = [
  { kind: 'immediate', options: {} },
  { kind: 'byName', options: { key: 'x' }, passesOver: ({ key }) => key !== 'x' },
  { kind: 'bySet', options: { keys: ['x', 'y'] }, passesOver: ({ key }) => key !== 'x' && key !== 'y' },
  { kind: 'dynamicJoin', options: {} },
  { kind: 'byBatchSize', options: { count: 3, maxWaitMs: 20, partitionBy: 'group' } },
  { kind: 'byBatchSize', options: { maxBytes: 12, scope: 'session' } },
  { kind: 'byTime', options: { windowMs: 25, fireEmpty: true } },
  { kind: 'byTime', options: { quietMs: 15, partitionBy: 'group' } },
  { kind: 'redundant', options: { k: 2, n: 3, sources } },
  { kind: 'dynamicGroup', options: { sources } },
];

function primitiveOf({ kind }: Case) {
  const primitive = builtInPrimitives.get(kind);
  if (!primitive) throw new Error(`no primitive ${kind}`);
  return primitive;
}

const drive = (example: Case, settings: DriverOptions = {}) =>
  new Driver(primitiveOf(example), example.options, { ...settings, ...(example.passesOver && { passesOver: example.passesOver }) });

const key = fc.constantFrom('x', 'y', 'z');
const group = fc.constantFrom(null, 'g', 'h');
const source = fc.integer({ min: 1, max: 9 });
const admit: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('admit' as const),
  arrival: fc.record({ key, group, source, sourceFunction: fc.constantFrom('a', 'b', 'c', null), sizeBytes: fc.nat(8) }),
  afterMs: fc.nat(10),
});
const other: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(40) }),
  fc.record({ do: fc.constant('lose' as const), source, cancelled: fc.boolean() }),
  fc.record({ do: fc.constant('sourcesDone' as const) }),
  fc.record({ do: fc.constant('flush' as const) }),
);
const announce: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('announce' as const),
  announcement: fc.oneof(fc.record({ group, by: source, count: fc.nat(3) }), fc.record({ group, by: source, keys: fc.uniqueArray(key) })),
});

const stepsOf = ({ kind }: Case) =>
  fc.array(
    kind === 'dynamicJoin' ? fc.oneof({ weight: 4, arbitrary: admit }, other, announce) : fc.oneof({ weight: 4, arbitrary: admit }, other),
    {
      maxLength: 40,
    },
  );

test('primitives: the eight of the specification are built in', (t) => {
  t.deepEqual([...builtInPrimitives.keys()].sort(), [...new Set(cases.map(({ kind }) => kind))].sort());
  for (const [kind, primitive] of builtInPrimitives) t.is(primitive.kind, kind);
});

for (const example of cases) {
  const name = `${example.kind} ${JSON.stringify(example.options)}`;

  test(`primitives: ${name}: interleaved sessions come out as each alone`, (t) => {
    fc.assert(
      fc.property(stepsOf(example), stepsOf(example), fc.infiniteStream(fc.boolean()), (one, two, turns) => {
        const both = [drive(example), drive(example)] as const;
        const rest: [Step[], Step[]] = [[...one], [...two]];
        for (const turn of turns) {
          const which = turn && rest[0].length > 0 ? 0 : rest[1].length > 0 ? 1 : 0;
          const step = rest[which].shift();
          if (!step) break;
          both[which].step(step);
        }
        t.deepEqual(both[0].outcome, drive(example).run(one).outcome);
        t.deepEqual(both[1].outcome, drive(example).run(two).outcome);
      }),
    );
  });

  test(`primitives: ${name}: a timer that is doubled or stale changes nothing`, (t) => {
    fc.assert(
      fc.property(stepsOf(example), (steps) => {
        const plain = drive(example).run(steps);
        const doubled = drive(example);
        const timers = new Set<string>();
        for (const step of steps) {
          doubled.step(step);
          for (const id of doubled.timers.keys()) timers.add(id);
          // The timers are as they should be: what is called here beside them is stale, doubled or early.
          for (const id of timers) doubled.callTimer(id);
        }
        t.deepEqual([...doubled.timers.keys()].sort(), [...plain.timers.keys()].sort());
        t.deepEqual([doubled.fired, doubled.firedAtMs, doubled.held], [plain.fired, plain.firedAtMs, plain.held]);
      }),
    );
  });
}

test('primitives: whatever the options, check does not throw, and what it passes runs', (t) => {
  const field = fc.constantFrom(
    'key',
    'keys',
    'k',
    'n',
    'sources',
    'count',
    'maxBytes',
    'maxWaitMs',
    'windowMs',
    'quietMs',
    'scope',
    'partitionBy',
    'fireEmpty',
  );
  const value = fc.oneof(
    fc.anything(),
    fc.integer({ min: -2, max: 5 }),
    fc.constantFrom('app', 'session', 'group', 'a', true),
    fc.array(fc.constantFrom('a', 'b')),
  );
  const options = fc.oneof(fc.anything(), fc.dictionary(field, value, { maxKeys: 4 }), fc.dictionary(fc.string(), fc.anything()));
  fc.assert(
    fc.property(options, (junk) => {
      for (const primitive of builtInPrimitives.values()) t.notThrows(() => survivesJunk(primitive, junk));
    }),
    { numRuns: 500 },
  );
});
