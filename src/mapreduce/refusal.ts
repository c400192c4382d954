/** Refusals of what a user passed: the field, its value, the rule, as the runtime's own. */
import { type ErrorOf, errors } from 'pheromone';

/** Null, or what the value must be. */
type Rule = (value: unknown) => string | null;

export function invalidOption(at: string, field: string, value: unknown, rule: string): ErrorOf<'InvalidOption'> {
  return new errors.InvalidOption(refusal('InvalidOption', at, field, value, rule));
}

export function invalidDefinition(at: string, field: string, value: unknown, rule: string): ErrorOf<'InvalidDefinition'> {
  return new errors.InvalidDefinition(refusal('InvalidDefinition', at, field, value, rule));
}

export function callAborted(at: string, { reason }: AbortSignal): ErrorOf<'CallAborted'> {
  const why = reason instanceof Error ? `${reason.name}: ${reason.message}` : shown(reason);
  const message = `${at}: its signal was aborted: ${why}`;
  return new errors.CallAborted({ code: 'CallAborted', message, retryable: false, detail: {}, thrown: null }, reason);
}

/** Throws `InvalidOption` for the first option that is bad, or that there is not: a misspelt limit must not be a missing one. */
export function checkOptions(at: string, options: object, rules: Readonly<Record<string, Rule>>): void {
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) throw invalidOption(at, `options.${name}`, value, `is not an option (there are ${Object.keys(rules).join(', ')})`);
    const bad = value === undefined ? null : rule(value);
    if (bad) throw invalidOption(at, `options.${name}`, value, bad);
  }
}

export function wholeNumber(min: number, max: number, unit = ''): Rule {
  return (value) => {
    const isGood = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return isGood ? null : `must be a whole number from ${min} to ${max}${unit && ` ${unit}`}`;
  };
}

export const trueOrFalse: Rule = (value) => (typeof value === 'boolean' ? null : 'must be true or false');
export const abortSignal: Rule = (value) => (value instanceof AbortSignal ? null : 'must be an AbortSignal');
export const anything: Rule = () => null;

/** Throws `InvalidDefinition` for an option that there is not. */
export function checkNames(at: string, options: object, names: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) throw invalidDefinition(at, name, value, `is not an option (there are ${names.join(', ')})`);
  }
}

/** Throws `InvalidDefinition` when a field that must be a function is none. */
export function checkFunctions(at: string, options: object, needed: readonly string[], optional: readonly string[]): void {
  const fields: Readonly<Record<string, unknown>> = { ...options };
  for (const field of [...needed, ...optional]) {
    const value = fields[field];
    const isGood = typeof value === 'function' || (value === undefined && optional.includes(field));
    if (!isGood) throw invalidDefinition(at, field, value, 'must be a function');
  }
}

function refusal<C extends 'InvalidOption' | 'InvalidDefinition'>(code: C, at: string, field: string, value: unknown, rule: string) {
  const message = `${at}: ${field} is ${shown(value)}: ${rule}`;
  return { code, message, retryable: false, detail: { field, value }, thrown: null };
}

const shownCharactersMax = 200;

function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' && value !== null ? 'an object' : String(value);
  return text.slice(0, shownCharactersMax);
}
