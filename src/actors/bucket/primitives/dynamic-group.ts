/**
 * `dynamicGroup`: when its sources are finished, fires once for each group that their objects have. A shuffle.
 *
 *   D1  Nothing fires before `sourcesDone`; then each group fires with all its objects, groups and objects in order of arrival.
 *   D2  The objects without a group are one group more.
 *   D3  Objects that come later form a new round, for the next `sourcesDone`.
 *
 * Whether the sources are finished is the home's to know: it sees every invocation of the session.
 */
import { checkFields, functionsOf, required } from './options.ts';
import { type Action, noActions, noIds, type Primitive } from './primitive.ts';

export interface DynamicGroupOptions {
  readonly sources: readonly string[];
}

/** The objects by group, groups in the order of their first. */
export type DynamicGroupState = Map<string | null, number[]>;

export const dynamicGroup: Primitive<DynamicGroupOptions, DynamicGroupState> = {
  kind: 'dynamicGroup',
  arity: 'many',
  scope: () => 'session',
  check: (options, names) => checkFields('dynamicGroup', options, { sources: required(functionsOf(names)) }),
  init: () => new Map(),

  admit(state, { group, id }) {
    const inputs = state.get(group);
    if (inputs) inputs.push(id);
    else state.set(group, [id]);
    return noActions;
  },

  sources: (options) => options.sources,

  sourcesDone(state) {
    if (state.size === 0) return noActions;
    const actions = Array.from(state, ([group, inputs]): Action => ({ kind: 'fire', inputs, group }));
    state.clear();
    return actions;
  },

  forget: (state) => (state.size === 0 ? noIds : [...state.values()].flat()),
  /** Its sources' end fires it. */
  pending: () => null,
};
