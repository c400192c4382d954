import test from 'ava';
import fc from 'fast-check';
import { checkCustomPrimitive, type CustomPrimitive, wrapCustomPrimitive } from '../../../src/actors/bucket/primitives/custom.ts';
import { checkOptions } from './options-check.ts';
import { Driver } from './driver.ts';

interface Quorum {
  votes: { id: number; key: string }[];
}

/** Fires when one key has come `of` times; drops what differs. */
const quorum: CustomPrimitive<{ readonly of: number }, Quorum> = {
  kind: 'quorum',
  options: ({ of }) => (Number.isInteger(of) && of > 0 ? null : 'of must be a positive whole number'),
  init: () => ({ votes: [] }),
  admit(state, { id, key }, { of }) {
    state.votes.push({ id, key });
    const agreeing = state.votes.filter((vote) => vote.key === key);
    if (agreeing.length < of) return [];
    const others = state.votes.filter((vote) => vote.key !== key);
    state.votes = [];
    return [
      { kind: 'fire', inputs: agreeing.map((vote) => vote.id) },
      ...others.map((vote) => ({ kind: 'drop' as const, input: vote.id, reason: 'late' as const })),
    ];
  },
  forget: (state) => state.votes.map((vote) => vote.id),
};

/** A primitive whose `admit` and `timer` answer whatever the test says. */
function answering(answer: (id: number) => unknown, more: Partial<CustomPrimitive<null, null>> = {}) {
  const admit = (_: null, { id }: { id: number }) => answer(id) as never;
  return wrapCustomPrimitive<null, null>({ kind: 'odd', init: () => null, admit, forget: () => [], ...more });
}

function failureOf(answer: (id: number) => unknown, more: Partial<CustomPrimitive<null, null>> = {}): string {
  const driver = new Driver(answering(answer, more), null);
  driver.admit();
  driver.admit();
  const [failure] = driver.failures;
  return failure ? `${failure.code}: ${failure.message}` : 'none';
}

test('custom: does what its definition says', (t) => {
  const driver = new Driver(wrapCustomPrimitive(quorum), { of: 2 });
  driver.admitKeys('yes', 'no', 'yes', 'no');
  t.deepEqual(driver.inputs, [[1, 3]]);
  t.deepEqual(driver.dropped, [{ input: 2, reason: 'late' }]);
  t.deepEqual(driver.held, [4]);
});

test('custom: by default it takes many inputs and has a state per session', (t) => {
  const primitive = wrapCustomPrimitive(quorum);
  t.is(primitive.arity, 'many');
  t.is(primitive.scope({ of: 1 }), 'session');
  for (const method of ['timer', 'flush', 'flushesAtEnd', 'sources', 'sourcesDone', 'sourceLost', 'announce', 'start'] as const)
    t.is(primitive[method], undefined, method);
});

test('custom: the definition says what its options must be, by returning or throwing it', (t) => {
  checkOptions(
    t,
    wrapCustomPrimitive(quorum),
    [{ of: 2 }],
    [
      [{ of: 0 }, 'options'],
      [undefined, 'options'],
    ],
  );
  const followsNobody = answering(() => [], { sources: () => ['nobody'] });
  checkOptions(t, followsNobody, [], [[null, 'options.sources[0]']]);
});

test('custom: a throw fails the trigger, naming primitive, method and message', (t) => {
  const boom = () => {
    throw new RangeError('boom');
  };
  t.is(failureOf(boom), 'PrimitiveFailed: primitive odd: admit: RangeError: boom');
  t.is(
    failureOf(() => [], { init: boom }),
    'PrimitiveFailed: primitive odd: init: RangeError: boom',
  );
  for (const thrown of [null, undefined, 'text', Symbol('s'), Object.create(null), new Proxy({}, { get: boom })]) {
    const failure = failureOf(() => {
      throw thrown;
    });
    t.regex(failure, /^PrimitiveFailed: primitive odd: admit: /);
  }
  const more = { sources: () => ['a'], timer: boom, sourceDone: boom, flush: boom };
  const driver = new Driver(
    answering((id) => [{ kind: 'startTimer', id: `t${id}`, atMs: 10 }], more),
    null,
  );
  driver.admit();
  driver.wait(10);
  driver.sourcesDone();
  driver.flush();
  t.deepEqual(
    driver.failures.map(({ message }) => message),
    ['timer', 'sourceDone', 'flush'].map((method) => `primitive odd: ${method}: RangeError: boom`),
  );
});

test('custom: an answer that is no array of known actions is refused', (t) => {
  const refusals: [unknown, RegExp][] = [
    [undefined, /admit: TypeError: returned undefined, must return an array/],
    [null, /returned null/],
    [{ kind: 'fire', inputs: [1] }, /returned object/],
    [[null], /action 0 is null/],
    [[{}], /action 0 \(undefined\): kind must be fire,/],
    [[{ kind: 'explode' }], /action 0 \(explode\): kind must be/],
    [[{ kind: 'fire' }], /inputs must be an array/],
    [[{ kind: 'fire', inputs: ['1'] }], /1 is not an arrival that it holds/],
    [[{ kind: 'fire', inputs: [99] }], /99 is not an arrival that it holds/],
    [[{ kind: 'fire', inputs: [1, 1] }], /1 is not an arrival that it holds/],
    [[{ kind: 'fire', inputs: [], group: 3 }], /group is 3, must be a string/],
    [[{ kind: 'drop', input: 1, reason: 'boring' }], /reason is boring/],
    [[{ kind: 'startTimer', id: 't', atMs: 1 }], /has no method timer/],
    [[{ kind: 'stopTimer' }], /id is undefined/],
    [[{ kind: 'cancelSources', functions: ['a'], except: [] }], /functions must be some of the primitive's sources/],
  ];
  for (const [answer, reason] of refusals)
    t.regex(
      failureOf(() => answer),
      reason,
    );
  t.regex(
    failureOf(() => [{ kind: 'fire', inputs: [] }], { arity: 'one' }),
    /has 0 inputs, must have exactly 1/,
  );
  t.regex(
    failureOf(() => [{ kind: 'startTimer', id: 't', atMs: Number.NaN }], { timer: () => [] }),
    /atMs is NaN/,
  );
});

test('custom: an arrival fires once', (t) => {
  t.regex(
    failureOf(() => [{ kind: 'fire', inputs: [1] }]),
    /1 is not an arrival that it holds: never given, fired or dropped already/,
  );
});

test('custom: of a refused answer nothing is performed', (t) => {
  const driver = new Driver(
    answering((id) => (id === 1 ? [{ kind: 'fire', inputs: [1] }, { kind: 'fire' }] : [{ kind: 'fire', inputs: [1, 2] }])),
    null,
  );
  driver.admit();
  t.deepEqual(driver.inputs, []);
  t.deepEqual(driver.held, [1]);
  driver.admit();
  t.deepEqual(driver.inputs, [[1, 2]]);
});

test('custom: a failure of its own is PrimitiveFailed', (t) => {
  t.is(
    failureOf(() => [{ kind: 'fail', message: 'no quorum can be reached' }]),
    'PrimitiveFailed: no quorum can be reached',
  );
});

test('custom: a timer is called once, at its time, and not after it was stopped', (t) => {
  const called: number[] = [];
  const primitive = wrapCustomPrimitive<null, number[]>({
    kind: 'delay',
    init: () => [],
    admit(state, { id, key }) {
      state.push(id);
      return [key === 'stop' ? { kind: 'stopTimer', id: 't' } : { kind: 'startTimer', id: 't', atMs: 100 }];
    },
    timer: (state, _id, _options, nowMs) => {
      called.push(nowMs);
      return [{ kind: 'fire', inputs: state.splice(0) }];
    },
    forget: (state) => state,
  });
  const driver = new Driver(primitive, null, { withLateTimers: true });
  driver.admit();
  driver.wait(50);
  driver.callTimer('t');
  t.deepEqual([...driver.timers], [['t', 100]], 'one that is early is asked for again');
  driver.wait(70);
  driver.deliverTimers();
  driver.callTimer('t');
  driver.callTimer('unknown');
  t.deepEqual(driver.inputs, [[1]]);
  t.deepEqual([...new Set(called)], [120]);
  driver.admit();
  driver.admit({ key: 'stop' });
  driver.callTimer('t');
  t.deepEqual(driver.held, [2, 3]);
});

test('custom: what forget does not list is dropped as unwanted, and the books stay small', (t) => {
  const primitive = wrapCustomPrimitive<null, number[]>({
    kind: 'sieve',
    scope: 'app',
    init: () => [],
    admit(state, { id }) {
      if (id % 10 === 0) state.push(id);
      return [];
    },
    forget: (state) => state,
  });
  const driver = new Driver(primitive, null);
  for (let i = 0; i < 1_000; i++) {
    driver.admit();
    t.true(driver.held.length <= Math.max(64, 2 * Math.ceil((i + 1) / 10) + 1));
  }
  const kept = Array.from({ length: 100 }, (_, i) => 10 * (i + 1));
  t.deepEqual(
    driver.held.filter((id) => id % 10 === 0),
    kept,
  );
  t.true(driver.dropped.every(({ input, reason }) => input % 10 !== 0 && reason === 'unwanted'));
});

test('custom: what waits is said by pending, or counted, unless it fires by itself', (t) => {
  const holding = { init: () => null, forget: () => [1, 2] };
  const pendingWith = (more: Partial<CustomPrimitive<null, null>>) => {
    const driver = new Driver(
      answering(() => [], { ...holding, ...more }),
      null,
    );
    driver.admit();
    driver.admit();
    return driver.pending;
  };
  t.deepEqual(pendingWith({}), { has: ['2 objects'], lacks: ['what odd waits for (it has no method pending to say it)'] });
  t.is(pendingWith({ flush: () => [] }), null);
  t.deepEqual(pendingWith({ pending: () => ({ has: ['1'], lacks: ['2'] }) }), { has: ['1'], lacks: ['2'] });
  t.is(pendingWith({ pending: () => null }), null);
  t.regex(pendingWith({ pending: () => 'junk' as never })?.lacks[0] ?? '', /cannot say it: TypeError/);
});

test('custom: flush and sourceDone fire what is held', (t) => {
  const all: Partial<CustomPrimitive<null, null>> = {
    flush: () => [{ kind: 'fire', inputs: [1], group: null }],
    sources: () => ['a'],
    sourceDone: () => [{ kind: 'fire', inputs: [2] }],
  };
  const driver = new Driver(
    answering(() => [], all),
    null,
  );
  driver.admit();
  driver.admit();
  driver.flush();
  driver.sourcesDone();
  t.deepEqual(driver.fired, [{ inputs: [1], group: null }, { inputs: [2] }]);
  t.true(driver.primitive.flushesAtEnd?.(null));
  t.deepEqual(driver.primitive.sources?.(null), ['a']);
});

test('custom: whatever it answers, P2 holds and nothing is thrown', (t) => {
  const id = fc.integer({ min: 0, max: 12 });
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('fire'), inputs: fc.array(id, { maxLength: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('drop'), input: id, reason: fc.constantFrom('late', 'odd') }) },
    fc.anything(),
  );
  const answer = fc.oneof({ weight: 5, arbitrary: fc.array(action, { maxLength: 3 }) }, fc.anything());
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 10 }), (answers) => {
      const driver = new Driver(
        answering((n) => answers[n - 1]),
        null,
      );
      for (const _ of answers) driver.admit();
      t.true(driver.failures.every(({ code }) => code === 'PrimitiveFailed'));
    }),
  );
});

test('custom: a bad definition is refused with its field named', (t) => {
  t.is(checkCustomPrimitive(quorum), null);
  const sourceDone = () => [];
  const refusals: [unknown, string][] = [
    [null, 'primitive'],
    [[], 'primitive'],
    [{ ...quorum, kind: 'bySet' }, 'kind'],
    [{ ...quorum, kind: 'a quorum' }, 'kind'],
    [{ ...quorum, init: undefined }, 'init'],
    [{ ...quorum, admit: 'x' }, 'admit'],
    [{ ...quorum, forget: undefined }, 'forget'],
    [{ ...quorum, timer: 3 }, 'timer'],
    [{ ...quorum, arity: 'two' }, 'arity'],
    [{ ...quorum, scope: 'world' }, 'scope'],
    [{ ...quorum, onTimer: () => [] }, 'onTimer'],
    [{ ...quorum, sourceDone }, 'sources'],
    [{ ...quorum, sourceDone, sources: () => ['a'], scope: 'app' }, 'sourceDone'],
  ];
  for (const [definition, field] of refusals) t.is(checkCustomPrimitive(definition)?.field, field);
});
