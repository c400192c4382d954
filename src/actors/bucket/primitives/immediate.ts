/**
 * `immediate`: fires once for every object. The step of a chain, and each branch of a fan-out.
 *
 * The shortest path through the system runs here: nothing is kept, and nothing but the firing is allocated.
 */
import { checkFields } from './options.ts';
import { noIds, type Primitive } from './primitive.ts';

export type ImmediateOptions = Readonly<Record<string, never>>;

const noFields = {};

export const immediate: Primitive<ImmediateOptions | null, null> = {
  kind: 'immediate',
  arity: 'one',
  scope: () => 'session',
  check: (options) => checkFields('immediate', options, noFields),
  init: () => null,
  admit: (_state, arrival) => [{ kind: 'fire', inputs: [arrival.id] }],
  forget: () => noIds,
  pending: () => null,
};
