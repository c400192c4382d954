/**
 * `dynamicJoin`: fires when all branches that were announced at run time have arrived. A fan-in whose width a function decides.
 *
 *   J1  Each group has a join of its own; the objects without a group are one group more. A firing has one group's objects.
 *   J2  An announcement opens a round, replays to it what has waited, and is closed by the firing. So it makes no difference
 *       whether objects come before or after it. What comes while no round is open waits for the next.
 *   J3  By keys: inputs in the announced order; a second object for a key of the open round is `superseded`; one with a key
 *       that the round does not name waits for a later round. By count: inputs in order of arrival, whatever their keys.
 *   J4  An invocation announces once per group for the whole session: a retry, even after the firing, opens no second round.
 *       All clients of the session count as one announcer.
 *   J5  Zero branches fire at once, with no inputs.
 */
import { heldIds, type KeyRound, keysOf, nameKeys, openKeyRound, placeKey } from './key-round.ts';
import { checkFields, inputsMax, key, problem } from './options.ts';
import { type Action, type Announcement, noActions, type Primitive, type Problem } from './primitive.ts';

export type DynamicJoinOptions = Readonly<Record<string, never>>;

interface Waiting {
  readonly id: number;
  readonly key: string;
}

/** An announced join that has not fired. */
type Round = { readonly by: number } & (
  | { readonly kind: 'keys'; readonly keys: KeyRound }
  | { readonly kind: 'count'; readonly count: number; readonly arrived: number[] }
);

interface Join {
  round: Round | null;
  /** In order of arrival. */
  waiting: Waiting[];
  /** The invocations whose announcement was accepted, in this round or an earlier one. */
  readonly announcers: Set<number>;
}

/** The joins by group. */
export type DynamicJoinState = Map<string | null, Join>;

const noFields = {};

export const dynamicJoin: Primitive<DynamicJoinOptions | null, DynamicJoinState> = {
  kind: 'dynamicJoin',
  arity: 'many',
  scope: () => 'session',
  check: (options) => checkFields('dynamicJoin', options, noFields),
  init: () => new Map(),

  admit(state, arrival) {
    return place(joinOf(state, arrival.group), arrival.group, arrival.id, arrival.key);
  },

  /** The announcement has passed `checkAnnouncement`. */
  announce(state, announcement) {
    const { group, by } = announcement;
    const join = joinOf(state, group);
    if (join.announcers.has(by)) return unchanged;
    if (join.round)
      return {
        refused: `the join of ${nameGroup(group)} is announced already, and lacks ${lacksOf(join.round).join(', ')}`,
        actions: noActions,
      };
    join.announcers.add(by);
    join.round = openRound(announcement);
    return { refused: null, actions: replay(join, group) };
  },

  forget: (state) =>
    [...state.values()].flatMap(({ round, waiting }) => [...(round ? arrivedIn(round) : []), ...waiting.map(({ id }) => id)]),

  pending(state) {
    const has: string[] = [];
    const lacks: string[] = [];
    for (const [group, { round, waiting }] of state) {
      const of = ` in ${nameGroup(group)}`;
      if (round) has.push(...hasOf(round).map((text) => text + of));
      if (waiting.length > 0) has.push(...nameKeys(waiting.map(({ key }) => key)).map((text) => `${text + of}, unannounced`));
      if (round) lacks.push(...lacksOf(round).map((text) => text + of));
      else if (waiting.length > 0) lacks.push(`an announcement (ctx.expect)${of}`);
    }
    return lacks.length === 0 ? null : { has, lacks };
  },
};

/** What a user may announce: either distinct `keys`, or a `count`. Null when good; checked where `expect` is called. */
export function checkAnnouncement(keys: unknown, count: unknown): Problem | null {
  const both = `must have either keys or count`;
  if ((keys ?? null) === null) {
    if ((count ?? null) === null) return problem('count', count, both);
    const isGood = typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= inputsMax;
    return isGood ? null : problem('count', count, `must be a whole number from 0 to ${inputsMax}`);
  }
  if ((count ?? null) !== null) return problem('count', count, both);
  if (!Array.isArray(keys)) return problem('keys', keys, 'must be an array of keys');
  if (keys.length > inputsMax) return problem('keys', keys.length, `has more than ${inputsMax} keys`);
  const seen = new Set<unknown>();
  for (const [i, item] of keys.entries()) {
    const bad = seen.has(item) ? problem(`keys[${i}]`, item, 'is in the list already') : key(item, `keys[${i}]`);
    if (bad) return bad;
    seen.add(item);
  }
  return null;
}

const unchanged = { refused: null, actions: noActions };

function joinOf(state: DynamicJoinState, group: string | null): Join {
  let join = state.get(group);
  if (!join) {
    join = { round: null, waiting: [], announcers: new Set() };
    state.set(group, join);
  }
  return join;
}

function openRound({ keys, count, by }: Announcement): Round {
  return keys ? { kind: 'keys', by, keys: openKeyRound(keys) } : { kind: 'count', by, count: count ?? 0, arrived: [] };
}

/** J2: the open round takes what has waited, as if it came now. */
function replay(join: Join, group: string | null): readonly Action[] {
  const actions: Action[] = [...fireIfComplete(join, group)];
  const waited = join.waiting;
  join.waiting = [];
  for (const { id, key } of waited) actions.push(...place(join, group, id, key));
  return actions;
}

function place(join: Join, group: string | null, id: number, key: string): readonly Action[] {
  const { round } = join;
  if (round?.kind === 'count') {
    round.arrived.push(id);
    return fireIfComplete(join, group);
  }
  const placed = round ? placeKey(round.keys, key, id) : 'unknown';
  if (placed === 'placed') return fireIfComplete(join, group);
  if (placed === 'taken') return [{ kind: 'drop', input: id, reason: 'superseded' }];
  join.waiting.push({ id, key });
  return noActions;
}

function fireIfComplete(join: Join, group: string | null): readonly Action[] {
  const { round } = join;
  if (!round || missingIn(round) > 0) return noActions;
  join.round = null;
  return [{ kind: 'fire', inputs: arrivedIn(round), group }];
}

function missingIn(round: Round): number {
  return round.kind === 'keys' ? round.keys.missing : round.count - round.arrived.length;
}

function arrivedIn(round: Round): readonly number[] {
  return round.kind === 'keys' ? heldIds(round.keys) : round.arrived;
}

function hasOf(round: Round): string[] {
  if (round.kind === 'keys') return nameKeys(keysOf(round.keys, 'held'));
  return round.arrived.length === 0 ? [] : [`${round.arrived.length} of ${round.count} announced objects`];
}

function lacksOf(round: Round): string[] {
  return round.kind === 'keys' ? nameKeys(keysOf(round.keys, 'missing')) : [`${missingIn(round)} of ${round.count} announced objects`];
}

function nameGroup(group: string | null): string {
  return group === null ? 'the group of objects without one' : `group ${group}`;
}
