/** What messages say of objects. */
import type { Ref } from '../../storage/object.ts';

/** An object that a client puts into a bucket. */
export interface Entry {
  readonly bucket: string;
  readonly key: string;
  readonly group: string | null;
  readonly ref: Ref;
}

/** An object on its way into a function. */
export interface Input {
  readonly key: string;
  readonly group: string | null;
  /** The session that it was put into: the invocation's own, unless an app-scoped trigger fired. */
  readonly session: string;
  readonly ref: Ref;
}

/** The branches of a join, announced with a call. */
export interface Expectation {
  readonly bucket: string;
  readonly group: string | null;
  readonly keys: readonly string[] | null;
  readonly count: number | null;
}
