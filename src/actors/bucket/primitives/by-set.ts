/**
 * `bySet`: fires when an object has come for each of a fixed set of keys. A fan-in whose width is known beforehand.
 *
 *   S1  Inputs are in the declared order of the keys, whatever the order of arrival.
 *   S2  The first object for a key counts; a newer one before the firing is dropped as `superseded`.
 *   S3  After a firing all keys are missing again.
 *
 * Objects with keys outside the set are passed over (P2).
 */
import { emptyKeyRound, heldIds, type KeyRound, keysOf, nameKeys, openKeyRound, placeKey } from './key-round.ts';
import { checkFields, distinct, key, required } from './options.ts';
import { type Action, noActions, type Primitive } from './primitive.ts';

export interface BySetOptions {
  readonly keys: readonly string[];
}

export type BySetState = KeyRound;

const fields = { keys: required(distinct('keys', key)) };

export const bySet: Primitive<BySetOptions, BySetState> = {
  kind: 'bySet',
  arity: 'many',
  scope: () => 'session',
  check: (options) => checkFields('bySet', options, fields),
  init: (options) => openKeyRound(options.keys),

  admit(state, arrival): readonly Action[] {
    const place = placeKey(state, arrival.key, arrival.id);
    if (place === 'unknown') return noActions;
    if (place === 'taken') return [{ kind: 'drop', input: arrival.id, reason: 'superseded' }];
    if (state.missing > 0) return noActions;
    const inputs = heldIds(state);
    emptyKeyRound(state);
    return [{ kind: 'fire', inputs }];
  },

  forget: heldIds,

  pending(state) {
    const held = keysOf(state, 'held');
    return held.length === 0 ? null : { has: nameKeys(held), lacks: nameKeys(keysOf(state, 'missing')) };
  },
};
