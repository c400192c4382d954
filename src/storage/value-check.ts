/**
 * What may be sent: the walk over a value that refuses what would not arrive as it is, and says where it lies.
 *
 * Before the codec. Data passes: primitives, plain objects and arrays, Date, Map, Set, Error, typed arrays. A stand-in of the
 * codec takes the place of what CBOR would change; the user's value is not touched: what holds a stand-in is copied, the rest is
 * not. Holes in arrays become undefined; symbol keys, and properties that are not enumerable, are left out.
 */
import type { ErrorFields } from './value-codec.ts';
import { isDateExact, mapKeysMax, minusZero, taggedDate, taggedEntries, taggedError, taggedText } from './value-codec.ts';

/** Why a value cannot be sent, and where in it the reason lies. */
export class NotEncodableError extends Error {
  readonly code = 'NotEncodable';
  /** `value.items[3].callback` */
  readonly path: string;
  /** `is a function: only data can be sent` */
  readonly reason: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${path} ${reason}`, options);
    this.name = 'NotEncodableError';
    this.path = path;
    this.reason = reason;
  }
}

const nestingMax = 1_000;
/** A value that shares its parts would be written out in full: 40 doublings in a row are a small value, and a terabyte. */
const containersMax = 2 ** 24;
/** What cbor-x can decode. */
const arrayLengthMax = 112_000_000;
const objectKeysMax = 16_000_000;
const nestedBytesMax = 2 ** 31 - 1;
const pathStepsMax = 20;

const typedArrays = new Set([
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
]);

declare global {
  interface String {
    /** In every Node that we support; the library of TypeScript has it from ES2024. */
    isWellFormed(): boolean;
  }
}

/** Returns `value` as the codec may have it. Throws NotEncodableError; `path` is what the user calls the value. */
export function checkValue(value: unknown, path: string): unknown {
  return new Walk(path).visit(value);
}

class Walk {
  readonly #path: string;
  /** From the value down to the container that is being visited. */
  readonly #containers: object[] = [];
  /** `steps[i]`: which element of `containers[i]` is being visited. */
  readonly #steps: (string | number)[] = [];
  #containersSeen = 0;

  constructor(path: string) {
    this.#path = path;
  }

  visit(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return value.isWellFormed() ? value : taggedText(value);
      case 'number':
        return value === 0 && 1 / value < 0 ? minusZero : value;
      case 'object':
        return value === null ? null : this.#descend(value);
      case 'function':
      case 'symbol':
        return this.#refuse(`is a ${typeof value}: only data can be sent`);
      default:
        return value;
    }
  }

  #descend(container: object): unknown {
    if (this.#containers.length === nestingMax) this.#refuseNesting();
    if (this.#containersSeen++ === containersMax) this.#refuse(`lies behind ${containersMax} other objects: too many for one value`);
    this.#containers.push(container);
    const result = this.#visitContainer(container);
    this.#containers.pop();
    return result;
  }

  #visitContainer(container: object): unknown {
    // Known by their prototypes: `constructor` is an ordinary key in plain objects.
    switch (Object.getPrototypeOf(container)) {
      case Object.prototype:
      case null:
        return this.#visitObject(container as Record<string, unknown>);
      case Array.prototype:
        return this.#visitArray(container as unknown[]);
      case Map.prototype:
        return this.#visitMap(container as Map<unknown, unknown>);
      case Set.prototype:
        return this.#visitSet(container as Set<unknown>);
      case Date.prototype:
        return isDateExact(container as Date) ? container : taggedDate((container as Date).getTime());
    }
    if (ArrayBuffer.isView(container)) return this.#visitView(container);
    if (container instanceof Error) return taggedError(this.#visitObject({ ...errorFields(container) }));
    return this.#refuseContainer(whyNot(container));
  }

  #visitObject(object: Record<string, unknown>): object {
    const keys = Object.keys(object);
    if (keys.length > objectKeysMax) this.#refuseContainer(`has ${keys.length} keys: one object has at most ${objectKeysMax}`);
    const depth = this.#containers.length - 1;
    let copy: Record<string, unknown> | null = null;
    let isOdd = keys.length > mapKeysMax;
    for (const key of keys) {
      if (key === '__proto__' || !key.isWellFormed()) isOdd = true;
      this.#steps[depth] = key;
      const before = object[key];
      const after = this.visit(before);
      if (Object.is(before, after)) continue;
      copy ??= { ...object };
      copy[key] = after;
    }
    const result = copy ?? object;
    if (!isOdd) return result;
    const flat: unknown[] = [];
    for (const key of keys) flat.push(this.visit(key), result[key]);
    return taggedEntries(flat);
  }

  #visitArray(array: unknown[]): unknown[] {
    if (array.length > arrayLengthMax) this.#refuseContainer(`has ${array.length} elements: one array has at most ${arrayLengthMax}`);
    const depth = this.#containers.length - 1;
    let copy: unknown[] | null = null;
    for (let i = 0; i < array.length; i++) {
      this.#steps[depth] = i;
      const before = array[i];
      const after = this.visit(before);
      if (Object.is(before, after)) continue;
      copy ??= array.slice();
      copy[i] = after;
    }
    return copy ?? array;
  }

  /** Steps count keys and values: 0 is the first key, 1 its value, 2 the second key. */
  #visitMap(map: Map<unknown, unknown>): Map<unknown, unknown> {
    const depth = this.#containers.length - 1;
    const visited: [unknown, unknown][] = [];
    let isChanged = false;
    for (const [key, value] of map) {
      this.#steps[depth] = 2 * visited.length;
      const keyAfter = this.visit(key);
      this.#steps[depth] = 2 * visited.length + 1;
      const valueAfter = this.visit(value);
      if (!Object.is(key, keyAfter) || !Object.is(value, valueAfter)) isChanged = true;
      visited.push([keyAfter, valueAfter]);
    }
    return isChanged ? new Map(visited) : map;
  }

  #visitSet(set: Set<unknown>): Set<unknown> {
    const before = [...set];
    const after = this.#visitArray(before);
    return after === before ? set : new Set(after);
  }

  #visitView(view: ArrayBufferView): ArrayBufferView {
    const kind = viewKind(view);
    const why = !typedArrays.has(kind)
      ? `is a ${kind}: send a Uint8Array over the same buffer`
      : view.byteLength > nestedBytesMax
        ? `has ${view.byteLength} bytes; inside another value, a typed array has at most ${nestedBytesMax}`
        : null;
    return why === null ? view : this.#refuseContainer(why);
  }

  /** Too deep: either it is, or it never ends. */
  #refuseNesting(): never {
    const depths = new Map<object, number>();
    for (const [depth, container] of this.#containers.entries()) {
      const first = depths.get(container);
      if (first !== undefined) {
        const target = this.#pathTo(first);
        throw new NotEncodableError(this.#pathTo(depth), `refers back to ${target}: a cycle cannot be sent`);
      }
      depths.set(container, depth);
    }
    return this.#refuse(`is nested more than ${nestingMax} deep`);
  }

  /** What is being visited, and is no container, cannot be sent. */
  #refuse(reason: string): never {
    throw new NotEncodableError(this.#pathTo(this.#containers.length), reason);
  }

  /** The innermost container cannot be sent. */
  #refuseContainer(reason: string): never {
    throw new NotEncodableError(this.#pathTo(this.#containers.length - 1), reason);
  }

  /** The path to what lies in the first `depth` containers. */
  #pathTo(depth: number): string {
    const shown = this.#containers.slice(0, Math.min(depth, pathStepsMax));
    const steps = shown.map((container, i) => stepText(container, this.#steps[i] ?? ''));
    return this.#path + steps.join('') + (depth > shown.length ? '…' : '');
  }
}

function stepText(container: object, step: string | number): string {
  if (container instanceof Map && typeof step === 'number') {
    const index = Math.floor(step / 2);
    if (step % 2 === 0) return `.keys()[${index}]`;
    const key: unknown = [...container.keys()][index];
    return typeof key === 'string' || typeof key === 'number' ? `.get(${JSON.stringify(key)})` : `.values()[${index}]`;
  }
  if (typeof step === 'number') return `[${step}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

function whyNot(object: object): string {
  if (object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) {
    return `is an ${object.constructor.name}: send a Uint8Array over it`;
  }
  const { constructor } = object;
  const name = typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class without a name';
  return `is an instance of ${name}: send a plain object, an array, a Date, Map, Set, Error or typed array`;
}

/** `Float64Array`; a Buffer is a `Uint8Array`. */
function viewKind(view: ArrayBufferView): string {
  return view instanceof DataView ? 'DataView' : String((view as Uint8Array)[Symbol.toStringTag]);
}

/** What is no text where text belongs, or no plain `code`, is left out. */
function errorFields(error: Error & { code?: unknown }): ErrorFields {
  const { stack, code, cause } = error;
  return {
    name: String(error.name),
    message: String(error.message),
    ...(typeof stack === 'string' && { stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(Object.hasOwn(error, 'cause') && { cause }),
    ...(error instanceof AggregateError && { errors: [...(error.errors as unknown[])] }),
  };
}
