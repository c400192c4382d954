/** Errors cross threads as data and come back as errors of a class per code. */
import { inspect } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { type AnyPheromoneError, errors, isPheromoneError, PheromoneError } from 'pheromone';
import { errorCodes, errorData } from '../../../src/actors/protocol/error.ts';
import { errorFromData, errorToData } from '../../../src/api/errors.ts';
import { cut, printed, textBytesMax, thrownFrom } from '../../../src/api/thrown.ts';

const bytes = (text: string) => new TextEncoder().encode(text).length;

test('errors: every code has a class, whose instances carry the code, the details and the name', (t) => {
  for (const code of errorCodes) {
    const error = errorFromData(errorData(code, 'what happened', { session: 's', extra: 1 }, true));
    t.true(error instanceof errors[code]);
    t.true(error instanceof PheromoneError);
    t.like(error, { code, name: code, message: 'what happened', retryable: true, session: 's', extra: 1 });
    t.true(isPheromoneError(error));
    t.true(inspect(error).startsWith(`${code}: what happened`));
  }
});

test('errors: after a test of the code the details are typed', (t) => {
  const pending = [{ trigger: 't', bucket: 'b', primitive: 'bySet', function: 'f', has: ['a'], lacks: ['z'] }];
  const error: AnyPheromoneError = errorFromData(errorData('SessionIncomplete', 'm', { session: 's', pending }));
  t.is(error.code === 'SessionIncomplete' ? error.pending[0]?.lacks[0] : null, 'z');
});

test('errors: a detail never replaces what an Error has', (t) => {
  const error = errorFromData(errorData('UnknownApp', 'm', { message: 'x', stack: 'x', name: 'x', code: 'x', cause: 'x', app: 'a' }));
  t.like(error, { message: 'm', name: 'UnknownApp', code: 'UnknownApp', app: 'a' });
  t.not(error.stack, 'x');
});

test('errors: what user code threw is the cause, with its own name, message and stack', (t) => {
  const thrown = thrownFrom(new RangeError('out'));
  const error = errorFromData(errorData('FunctionFailed', 'm', { function: 'f', attempt: 1 }, false, thrown));
  t.true(error.cause instanceof Error);
  t.like(error.cause, { name: 'RangeError', message: 'out', stack: thrown.stack });
});

test('errors: to data and back is the same error', (t) => {
  const data = errorData(
    'FunctionFailed',
    'm',
    { function: 'f', list: [{ a: 1n }], nothing: null },
    false,
    thrownFrom(new TypeError('bad')),
  );
  t.deepEqual(errorToData(errorFromData(data)), data);
  const bare = errorData('StoreFull', 'm', {}, true);
  t.deepEqual(errorToData(errorFromData(bare)), bare);
});

test('errors: details that could not travel are printed', (t) => {
  const error = new errors.InvalidOption(errorData('InvalidOption', 'm', { field: 'f', value: () => 1, deep: { list: [Symbol('s')] } }));
  t.deepEqual(errorToData(error).detail, { field: 'f', value: '[Function: value]', deep: { list: ['Symbol(s)'] } });
});

test('errors: anything else that was thrown is FunctionFailed', (t) => {
  t.like(errorToData(new RangeError('out')), { code: 'FunctionFailed', message: 'RangeError: out', thrown: { name: 'RangeError' } });
  t.like(errorToData(null), { code: 'FunctionFailed', thrown: { name: 'NonError', message: 'null', stack: null } });
});

const hostile = new Proxy(
  {},
  {
    get: () => {
      throw new Error('trap');
    },
    getPrototypeOf: () => {
      throw new Error('trap');
    },
    has: () => {
      throw new Error('trap');
    },
  },
);
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const unreadable = Object.defineProperty(new Error('x'), 'message', {
  get: () => {
    throw new Error('getter');
  },
});

test('thrownFrom: values that are no errors are printed', (t) => {
  t.like(thrownFrom(undefined), { message: 'undefined', stack: null });
  t.like(thrownFrom('text'), { message: 'text' });
  t.like(thrownFrom({ status: 404 }), { message: '{ status: 404 }' });
  t.like(thrownFrom(Symbol('s')), { message: 'Symbol(s)' });
});

test('thrownFrom: hostile values are survived', (t) => {
  for (const value of [hostile, revoked.proxy, unreadable, Object.create(null), new Proxy(new Error('inside'), {})]) {
    const thrown = thrownFrom(value);
    t.is(typeof thrown.name, 'string');
    t.is(typeof thrown.message, 'string');
    t.false(isPheromoneError(value));
    t.is(errorToData(value).code, 'FunctionFailed');
  }
});

test('thrownFrom: texts are bounded in bytes, a cycle and a huge value too', (t) => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [
    'x'.repeat(10_000_000),
    '€'.repeat(100_000),
    new Error('€'.repeat(100_000)),
    cycle,
    Array.from({ length: 1_000_000 }, () => 'b'),
  ]) {
    const { name, message, stack } = thrownFrom(value);
    for (const text of [name, message, stack ?? '']) t.true(bytes(text) <= textBytesMax);
  }
});

test('thrownFrom: a text is cut to its longest beginning that fits, never within a character', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), fc.integer({ min: 4, max: 60 }), (text, max) => {
      const short = cut(text, max);
      const rest = Array.from(text.slice(short.length));
      return text.startsWith(short) && bytes(short) <= max && (rest.length === 0 || bytes(short) + bytes(rest[0] ?? '') > max);
    }),
  );
  t.is(cut('a😀', 4), 'a');
});

test('printed: never throws', (t) => {
  fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (value) => typeof printed(value) === 'string'));
  t.pass();
});
