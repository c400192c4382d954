/**
 * What a user wrote as options, checked field by field. Every primitive's `check` is a table of the rules below.
 *
 * Options come from outside (a module, a message) and may be anything: no rule assumes more than it has tested. A field that
 * is missing, of the wrong type, out of bounds, or not an option at all is reported by its path and its value.
 */
import type { Names, Problem } from './primitive.ts';

/** Enough for every fan-in of one session; keeps a trigger's state within what one message can carry. */
export const inputsMax = 100_000;
/** Characters of one key. */
export const keyCharactersMax = 1_024;
/** What a timer can wait: 24.8 days. */
export const timeMsMax = 2 ** 31 - 1;

/** Says what is wrong with a value that is present, or null. */
export type Rule = (value: unknown, field: string) => Problem | null;

export interface Field {
  readonly required: boolean;
  readonly rule: Rule;
}

export function required(rule: Rule): Field {
  return { required: true, rule };
}

export function optional(rule: Rule): Field {
  return { required: false, rule };
}

/** The first bad field of `options`, null if there is none. No options at all is the same as `{}`. */
export function checkFields(kind: string, options: unknown, fields: Readonly<Record<string, Field>>): Problem | null {
  const given = options ?? {};
  if (!isRecord(given)) return problem('options', options, `must be an object with the options of ${kind}`);
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name))
      return problem(`options.${name}`, given[name], `is not an option of ${kind} (${listOptions(fields)})`);
  }
  for (const [name, { required, rule }] of Object.entries(fields)) {
    const value = given[name];
    if (value === undefined && !required) continue;
    const bad = rule(value, `options.${name}`);
    if (bad) return value === undefined ? { ...bad, message: `is missing: ${bad.message}` } : bad;
  }
  return null;
}

export function wholeNumber(min: number, max: number): Rule {
  return (value, field) => {
    const isGood = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return isGood ? null : problem(field, value, `must be a whole number from ${min} to ${max}`);
  };
}

export const milliseconds: Rule = wholeNumber(1, timeMsMax);

export const boolean: Rule = (value, field) => (typeof value === 'boolean' ? null : problem(field, value, 'must be true or false'));

export const key: Rule = (value, field) => {
  const isGood = typeof value === 'string' && value.length > 0 && value.length <= keyCharactersMax;
  return isGood ? null : problem(field, value, `must be a key: a string of 1 to ${keyCharactersMax} characters`);
};

export function oneOf(...choices: readonly string[]): Rule {
  return (value, field) =>
    choices.some((choice) => choice === value)
      ? null
      : problem(field, value, `must be ${choices.map((choice) => `'${choice}'`).join(' or ')}`);
}

/** At least one item, at most `inputsMax`, each good and none twice. `items` names them: `keys`. */
export function distinct(items: string, rule: Rule): Rule {
  return (value, field) => {
    if (!Array.isArray(value) || value.length === 0) return problem(field, value, `must be an array of at least one of the ${items}`);
    if (value.length > inputsMax) return problem(field, value.length, `has more than ${inputsMax} ${items}`);
    const seen = new Set<unknown>();
    for (const [i, item] of value.entries()) {
      const bad = rule(item, `${field}[${i}]`);
      if (bad) return bad;
      if (seen.has(item)) return problem(`${field}[${i}]`, item, 'is in the list already');
      seen.add(item);
    }
    return null;
  };
}

/** Functions of the app, at least one, none twice. */
export function functionsOf(names: Names): Rule {
  return distinct('functions', (value, field) =>
    typeof value === 'string' && names.functions.has(value) ? null : problem(field, value, 'is not a function of this app'),
  );
}

export function problem(field: string, value: unknown, message: string): Problem {
  return { field, value, message };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOptions(fields: Readonly<Record<string, Field>>): string {
  const names = Object.keys(fields);
  return names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
}
