/**
 * `byName`: fires once for every object with one key. A choice: the producer picks the branch by the key.
 *
 * Objects with other keys are another trigger's business and are passed over (P2).
 */
import { checkFields, key, required } from './options.ts';
import { noActions, noIds, type Primitive } from './primitive.ts';

export interface ByNameOptions {
  readonly key: string;
}

const fields = { key: required(key) };

export const byName: Primitive<ByNameOptions, null> = {
  kind: 'byName',
  arity: 'one',
  scope: () => 'session',
  check: (options) => checkFields('byName', options, fields),
  init: () => null,
  admit: (_state, arrival, options) => (arrival.key === options.key ? [{ kind: 'fire', inputs: [arrival.id] }] : noActions),
  forget: () => noIds,
  pending: () => null,
};
