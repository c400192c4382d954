import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { encodings } from '../../../src/storage/object.ts';
import { copyValue, decodeValue, encodeValue, NotEncodableError } from '../../../src/storage/value.ts';

/** Through the bytes, which are moved to a block's alignment as the arena would. */
function roundTrip(value: unknown): unknown {
  const { encoding, bytes } = encodeValue(value);
  return decodeValue(encoding, new Uint8Array(bytes));
}

function refusal(value: unknown, path?: string): NotEncodableError {
  try {
    encodeValue(value, path);
  } catch (error) {
    if (error instanceof NotEncodableError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

const everyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 100 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toString',
    '\ufeffmark',
    `\ufeff${'long'.repeat(50)}`,
    'é'.repeat(300),
    '\ud83d',
    'length',
  ),
);
const everyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    0,
    Number.NaN,
    Infinity,
    -Infinity,
    2 ** 31,
    2 ** 32,
    -(2 ** 31),
    -(2 ** 32),
    -(2 ** 32) - 1,
    2 ** 53,
    2 ** 63,
    5e-324,
  ),
);
const everyBigint = fc.oneof(
  fc.bigInt(),
  fc.constantFrom(
    0n,
    -1n,
    2n ** 31n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
    2n ** 64n,
    -(2n ** 63n),
    -(2n ** 64n),
    -(2n ** 64n) - 1n,
    7n ** 900n,
  ),
);
const everyTypedArray = fc.oneof(
  fc.int8Array(),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
);
const everyDate = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.integer({ min: -1e12, max: 1e12 }).map((ms) => new Date(ms)),
);
const { value: everyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(everyString, everyNumber, everyBigint, fc.constantFrom(null, undefined, true, false), everyDate, everyTypedArray),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.array(fc.tuple(everyString, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((elements) => new Set(elements)),
  ),
}));

test('value: whatever is data arrives as it was, also from memory that is not aligned', (t) => {
  fc.assert(
    fc.property(everyValue, fc.integer({ min: 0, max: 7 }), (value, shift) => {
      const { encoding, bytes } = encodeValue(value);
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      return isDeepStrictEqual(decodeValue(encoding, moved), value) && isDeepStrictEqual(copyValue(encoding, moved), value);
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('value: numbers of every kind and range arrive, in a place of every kind', (t) => {
  for (const number of [-0, Number.NaN, 2 ** 53, -(2 ** 32) - 1, 0.1, Number.MAX_VALUE, Number.MIN_VALUE]) {
    t.true(isDeepStrictEqual(roundTrip(number), number));
    for (const value of [[number, [number]], { a: number, b: { c: number } }, new Map([['k', number]]), new Map([['k', [number]]])]) {
      t.true(isDeepStrictEqual(roundTrip(value), value), String(number));
    }
  }
});

test('value: the user’s value is not touched, whatever stands in for its parts', (t) => {
  const inner = Object.freeze([-0, '\ud800']);
  const value = Object.freeze({ inner, map: new Map([[1, inner]]), set: new Set([inner]), plain: Object.freeze({ a: 1 }) });
  t.true(isDeepStrictEqual(roundTrip(value), value));
  t.is(value.map.get(1), inner);
  t.true(Object.is(inner[0], -0));
});

test('value: undefined arrives in arrays and objects; holes become undefined', (t) => {
  t.deepEqual(roundTrip({ a: undefined, b: [undefined, 1] }), { a: undefined, b: [undefined, 1] });
  t.deepEqual(roundTrip(Object.assign([1], { 2: 3 })), [1, undefined, 3]);
  t.is(roundTrip(undefined), undefined);
});

test('value: a key named __proto__ arrives as a key, and changes no prototype', (t) => {
  const value: unknown = JSON.parse('{ "__proto__": { "polluted": true, "x": [-0] }, "a": 1 }');
  const back = roundTrip([value]) as [Record<string, unknown>];
  t.true(isDeepStrictEqual(back, [value]));
  t.true(Object.hasOwn(back[0], '__proto__'));
  t.is(Object.getPrototypeOf(back[0]), Object.prototype);
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

test('value: keys that name what objects inherit are ordinary keys', (t) => {
  const value = { constructor: 1, hasOwnProperty: 2, toString: 3, valueOf: { constructor: { name: 'Array' } }, toJSON: 'no function' };
  t.deepEqual(roundTrip(value), value);
});

test('value: an object of more than 65,535 keys keeps them all', (t) => {
  const value = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key${i}`, i]));
  t.true(isDeepStrictEqual(roundTrip(value), value));
});

test('value: an object without prototype arrives as a plain one; symbol keys and hidden properties are left out', (t) => {
  t.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  t.deepEqual(roundTrip(Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 })), { a: 1 });
});

test('value: errors keep class, name, message, stack, code and causes', (t) => {
  const cause = Object.assign(new RangeError('inner'), { code: 'E_INNER' });
  const error = new TypeError('outer', { cause: { list: [cause], zero: -0 } });
  const back = roundTrip({ error }) as { error: TypeError & { cause: { list: [RangeError & { code: string }]; zero: number } } };
  t.true(back.error instanceof TypeError);
  t.is(back.error.message, 'outer');
  t.is(back.error.stack, error.stack);
  t.true(Object.is(back.error.cause.zero, -0));
  const [inner] = back.error.cause.list;
  t.true(inner instanceof RangeError);
  t.deepEqual([inner.message, inner.code, inner.stack], ['inner', 'E_INNER', cause.stack]);
  t.deepEqual(Object.keys(back.error), [], 'nothing is enumerable that was not');
});

test('value: an error of an own class keeps its name; an aggregate its errors; undefined as cause is a cause', (t) => {
  class PaymentError extends Error {
    override name = 'PaymentError';
  }
  const own = roundTrip(new PaymentError('declined')) as Error;
  t.true(own instanceof Error);
  t.deepEqual([own.name, own.message, String(own)], ['PaymentError', 'declined', 'PaymentError: declined']);
  const aggregate = roundTrip(new AggregateError([new Error('one'), 2], 'both')) as AggregateError;
  t.true(aggregate instanceof AggregateError);
  t.deepEqual([aggregate.message, (aggregate.errors[0] as Error).message, aggregate.errors[1]], ['both', 'one', 2]);
  t.true(Object.hasOwn(roundTrip(new Error('e', { cause: undefined })) as Error, 'cause'));
  t.false(Object.hasOwn(roundTrip(new Error('e')) as Error, 'cause'));
});

test('value: an error without stack has none when it arrives', (t) => {
  const error = new Error('bare');
  delete error.stack;
  t.is((roundTrip(error) as Error).stack, undefined);
});

test('value: typed arrays are sent as their own memory, and read without a copy', (t) => {
  const constructors = [Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];
  for (const constructor of constructors) {
    const array = new constructor([1, 2, 3]);
    const { encoding, bytes } = encodeValue(array.subarray(1));
    t.is(encodings[encoding], `${constructor.name[0]!.toLowerCase()}${constructor.name.slice(1, -5)}` as 'int8');
    t.is(bytes.buffer, array.buffer);
    t.is(bytes.byteOffset, constructor.BYTES_PER_ELEMENT);
    const back = decodeValue(encoding, bytes) as typeof array;
    t.is(back.constructor, constructor);
    t.is(back.buffer, array.buffer);
    t.deepEqual([...back], [2, 3]);
  }
});

test('value: bytes are bytes: a Uint8Array and a Buffer are sent as they lie, and decoded to what was given', (t) => {
  const buffer = Buffer.from('abc');
  const { encoding, bytes } = encodeValue(buffer);
  t.is(encodings[encoding], 'bytes');
  t.is(bytes.buffer, buffer.buffer);
  t.is(Object.getPrototypeOf(bytes), Uint8Array.prototype);
  t.is(decodeValue(encoding, bytes), bytes);
});

test('value: Buffers and typed arrays inside a value alias its bytes; a copied value does not', (t) => {
  const { encoding, bytes } = encodeValue({ buffer: Buffer.from([1, 2]), view: new Uint8Array([3]) });
  const block = new Uint8Array(bytes);
  const aliasing = decodeValue(encoding, block) as { buffer: Uint8Array; view: Uint8Array };
  const own = copyValue(encoding, block) as { buffer: Uint8Array; view: Uint8Array };
  t.is(Object.getPrototypeOf(aliasing.buffer), Uint8Array.prototype);
  block.fill(0xdb);
  t.deepEqual([aliasing.buffer[0], aliasing.view[0]], [0xdb, 0xdb]);
  t.deepEqual(own, { buffer: new Uint8Array([1, 2]), view: new Uint8Array([3]) });
});

test('value: a typed array is copied out too, by copyValue', (t) => {
  const array = new Float64Array([1.5]);
  const { encoding, bytes } = encodeValue(array);
  const copy = copyValue(encoding, bytes) as Float64Array;
  array[0] = 2;
  t.deepEqual(copy, new Float64Array([1.5]));
});

test('value: decoding leaves nothing behind on the bytes', (t) => {
  const { encoding, bytes } = encodeValue({ a: 'text' });
  const block = new Uint8Array(bytes);
  decodeValue(encoding, block);
  t.deepEqual(Object.keys(block), Object.keys(new Uint8Array(block.length)));
});

test('value: an encoding is not written again by those after it, nor by one that fails or is large', (t) => {
  const values = Array.from({ length: 500 }, (_, i) => ({ i, text: 'x'.repeat(i % 50 === 0 ? 200_000 : i) }));
  const encoded = values.map((value, i) => {
    if (i % 7 === 0) t.throws(() => encodeValue({ value, f: () => {} }));
    return encodeValue(value);
  });
  for (const [i, { encoding, bytes }] of encoded.entries()) t.deepEqual(decodeValue(encoding, bytes), values[i]);
});

test('value: a small encoding does not keep the buffer of a large one alive', (t) => {
  encodeValue('x'.repeat(5_000_000));
  for (let i = 0; i < 100; i++) t.true(encodeValue({ i }).bytes.buffer.byteLength <= 64 * 1024);
});

test('value: a getter that sends another value is refused instead of mixing the two', (t) => {
  const value = {
    first: 'x',
    get second() {
      return encodeValue({ inner: 1 }).bytes;
    },
  };
  t.regex(refusal(value).message, /getter/);
  t.deepEqual(roundTrip({ after: 1 }), { after: 1 });
});

test('value: functions, symbols and class instances are refused with their path', (t) => {
  class Order {}
  const cases: [unknown, string, RegExp][] = [
    [() => {}, 'value', /^value is a function/],
    [
      { items: [1, 2, 3, { callback: () => {} }] },
      'value.items[3].callback',
      /^value\.items\[3\]\.callback is a function: only data can be sent$/,
    ],
    [[Symbol('s')], 'value[0]', /is a symbol/],
    [{ order: new Order() }, 'value.order', /is an instance of Order: send a plain object/],
    [{ 'a b': new (class extends Map {})() }, 'value["a b"]', /is an instance of a class without a name/],
    [new Map([['k', { f: () => {} }]]), 'value.get("k").f', /is a function/],
    [
      new Map([
        [1, 2],
        [{ f: () => {} }, 1],
      ] as [unknown, unknown][]),
      'value.keys()[1].f',
      /is a function/,
    ],
    [new Map([[{}, () => {}]]), 'value.values()[0]', /is a function/],
    [new Set([1, () => {}]), 'value[1]', /is a function/],
    [new Error('e', { cause: { f: () => {} } }), 'value.cause.f', /is a function/],
    [new AggregateError([1, () => {}]), 'value.errors[1]', /is a function/],
    [{ re: /x/ }, 'value.re', /is an instance of RegExp/],
    [[Promise.resolve()], 'value[0]', /is an instance of Promise/],
    [new ArrayBuffer(3), 'value', /is an ArrayBuffer: send a Uint8Array over it/],
    [[new DataView(new ArrayBuffer(3))], 'value[0]', /is a DataView: send a Uint8Array/],
    [{ text: Object('boxed') }, 'value.text', /is an instance of String/],
    [{ ['__proto__x']: { f: () => {} } }, 'value.__proto__x.f', /is a function/],
  ];
  for (const [value, path, message] of cases) {
    const error = refusal(value);
    t.is(error.code, 'NotEncodable');
    t.is(error.path, path);
    t.regex(error.message, message);
  }
});

test('value: a typed array whose memory was handed over is refused, alone and within', (t) => {
  const array = new Uint8Array(9);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  t.like(refusal(array, 'object.value'), { code: 'NotEncodable', path: 'object.value' });
  t.is(refusal({ array }).code, 'NotEncodable');
});

test('value: the path begins with what the caller calls the value', (t) => {
  t.is(refusal([() => {}], 'parts[2].value').path, 'parts[2].value[0]');
});

test('value: a cycle is refused with where it lies and where it leads, wherever it begins', (t) => {
  const node: Record<string, unknown> = { name: 'n' };
  node['next'] = { back: [node] };
  t.is(refusal({ list: [node] }).message, 'value.list[0].next.back[0] refers back to value.list[0]: a cycle cannot be sent');
  const map = new Map<string, unknown>();
  map.set('self', new Set([map]));
  t.is(refusal(map).message, 'value.get("self")[0] refers back to value: a cycle cannot be sent');
  const error = new Error('e');
  error.cause = error;
  t.is(refusal(error).message, 'value.cause refers back to value: a cycle cannot be sent');
});

test('value: an object that is shared but not cyclic is sent, once for each place', (t) => {
  const shared = { x: [1] };
  t.deepEqual(roundTrip({ a: shared, b: [shared, shared] }), { a: { x: [1] }, b: [{ x: [1] }, { x: [1] }] });
});

test('value: 1,000 levels of arrays, objects and maps are sent; one more is refused', (t) => {
  const nest = (levels: number, wrap: (inner: unknown) => unknown) => {
    let value: unknown = 1;
    for (let i = 0; i < levels; i++) value = wrap(value);
    return value;
  };
  const wraps = [(inner: unknown) => [inner], (inner: unknown) => ({ inner }), (inner: unknown) => new Map([[1, inner]])];
  for (const wrap of wraps) {
    const { encoding, bytes } = encodeValue(nest(1_000, wrap));
    t.notThrows(() => decodeValue(encoding, bytes));
    const error = refusal(nest(1_001, wrap));
    t.is(error.reason, 'is nested more than 1000 deep');
    t.true(error.path.length < 500, 'the path is cut');
  }
  t.is(refusal(nest(100_000, (inner) => [inner])).reason, 'is nested more than 1000 deep');
});

test('value: what the stack is too short for is refused as any other value, and leaves nothing behind', (t) => {
  const nested = JSON.parse('['.repeat(900) + ']'.repeat(900)) as unknown;
  let error: NotEncodableError | null = null;
  /** Goes down to the end of the stack, then up until there is enough of it to be told so. */
  const descend = (): void => {
    try {
      descend();
    } catch {
      try {
        encodeValue(nested);
      } catch (thrown) {
        if (!(thrown instanceof NotEncodableError)) throw thrown;
        error = thrown;
      }
    }
  };
  descend();
  t.is(error!.message, 'value cannot be encoded: Maximum call stack size exceeded');
  t.deepEqual(roundTrip(nested), nested);
});

test('value: a date so far away that seconds do not hold it arrives to the millisecond', (t) => {
  const date = new Date('+141444-12-05T01:16:10.396Z');
  t.deepEqual(roundTrip({ date }), { date });
  t.true(Number.isNaN((roundTrip(new Date(Number.NaN)) as Date).getTime()));
});

test('value: what a getter throws is the cause of the refusal', (t) => {
  const thrown = new Error('no such row');
  const error = refusal({
    get row() {
      throw thrown;
    },
  });
  t.is(error.message, 'value cannot be encoded: no such row');
  t.is(error.cause, thrown);
});
