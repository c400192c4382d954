/**
 * Checks of options that users wrote: a table of rules by name. Each refusal names the field, its value and the limit.
 *
 * Options may be anything; an unknown name is refused too, so that a misspelt limit is not a missing one.
 */
import { invalidOption } from './errors.ts';

/** Null, or what the value must be. Only asked for values that are not undefined. */
export type Rule = (value: unknown) => string | null;

export type Rules = Readonly<Record<string, Rule>>;

/** Throws `InvalidOption` for the first bad option. `at` is the call that they were given to. No options at all are good. */
export function checkOptions(at: string, options: unknown, rules: Rules): void {
  if (options === undefined || options === null) return;
  if (typeof options !== 'object' || Array.isArray(options)) throw invalidOption(at, 'options', options, 'must be an object');
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) throw invalidOption(at, `options.${name}`, value, `is not an option (there are ${Object.keys(rules).join(', ')})`);
    const bad = value === undefined ? null : rule(value);
    if (bad) throw invalidOption(at, `options.${name}`, value, bad);
  }
}

/** The first field of an object that is none of these. */
export function unknownField(object: object, fields: readonly string[]): string | undefined {
  return Object.keys(object).find((field) => !fields.includes(field));
}

export function wholeNumber(min: number, max: number, unit = ''): Rule {
  return (value) => {
    const isGood = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return isGood ? null : `must be a whole number from ${min} to ${max}${unit && ` ${unit}`}`;
  };
}

/** What a timer can wait: 24.8 days. */
const timeMsMax = 2 ** 31 - 1;

/** A time that a timer can wait. */
export function milliseconds(min: 0 | 1): Rule {
  return wholeNumber(min, timeMsMax, 'milliseconds');
}

export function text(charactersMax: number): Rule {
  return (value) => {
    const isGood = typeof value === 'string' && value.length >= 1 && value.length <= charactersMax;
    return isGood ? null : `must be a string of 1 to ${charactersMax} characters`;
  };
}

export function oneOf(...choices: readonly string[]): Rule {
  return (value) =>
    choices.some((choice) => choice === value) ? null : `must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}`;
}

export const trueOrFalse: Rule = (value) => (typeof value === 'boolean' ? null : 'must be true or false');
