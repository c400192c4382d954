/**
 * A set of keys that all have to come: what `bySet` waits for, and a `dynamicJoin` announced by keys.
 *
 *   K1  `slots` lists the keys in the order in which their objects become inputs; null stands for one that is missing.
 *   K2  `missing` is the number of nulls.
 */
export interface KeyRound {
  readonly slots: Map<string, number | null>;
  missing: number;
}

export function openKeyRound(keys: readonly string[]): KeyRound {
  const slots = new Map<string, number | null>();
  for (const key of keys) slots.set(key, null);
  return { slots, missing: slots.size };
}

/** `unknown`: not a key of this set. `taken`: another object has come for it. */
export function placeKey(round: KeyRound, key: string, id: number): 'placed' | 'taken' | 'unknown' {
  const held = round.slots.get(key);
  if (held === undefined) return 'unknown';
  if (held !== null) return 'taken';
  round.slots.set(key, id);
  round.missing--;
  return 'placed';
}

/** The ids that have come, in the order of the keys. */
export function heldIds(round: KeyRound): number[] {
  const ids: number[] = [];
  if (round.missing === round.slots.size) return ids;
  for (const id of round.slots.values()) if (id !== null) ids.push(id);
  return ids;
}

/** All keys are missing again. */
export function emptyKeyRound(round: KeyRound): void {
  for (const key of round.slots.keys()) round.slots.set(key, null);
  round.missing = round.slots.size;
}

/** The keys that have come, or those that are missing. */
export function keysOf(round: KeyRound, which: 'held' | 'missing'): string[] {
  const keys: string[] = [];
  for (const [key, id] of round.slots) if ((id === null) === (which === 'missing')) keys.push(key);
  return keys;
}

const keysNamedMax = 20;

/** `key a`, `keys a, b`, `keys a, b, … (100 in all)`; an empty list for no keys. */
export function nameKeys(keys: readonly string[]): string[] {
  if (keys.length === 0) return [];
  if (keys.length === 1) return [`key ${keys[0]}`];
  if (keys.length <= keysNamedMax) return [`keys ${keys.join(', ')}`];
  return [`keys ${keys.slice(0, keysNamedMax).join(', ')}, … (${keys.length} in all)`];
}
