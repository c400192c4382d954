/**
 * Checks of what definitions are given: that it is an object, and has no field that there is not, so that a misspelt limit is not a
 * missing one. What fields hold is mostly checked with the app (`checkApp`). All throw `InvalidDefinition`.
 */
import { isRecord, keyCharactersMax } from '../actors/bucket/primitives/options.ts';
import { invalidDefinition } from './errors.ts';
import type { BackoffOptions } from './fn.ts';
import { text, unknownField } from './option-rules.ts';
import type { RerunOptions, TriggerOptions } from './trigger.ts';

/** `path`: where the part stands in what `at` was given; empty for the options themselves. */
export function checkDefinitionFields(at: string, path: string, part: unknown, fields: readonly string[]): void {
  if (!isRecord(part)) throw invalidDefinition(at, path || 'options', part, `must be an object { ${fields.join(', ')} }`);
  const unknown = unknownField(part, fields);
  if (unknown === undefined) return;
  throw invalidDefinition(at, path ? `${path}.${unknown}` : unknown, part[unknown], `is not an option (there are ${fields.join(', ')})`);
}

const backoffFields = ['initialMs', 'factor', 'maxMs'] satisfies readonly (keyof BackoffOptions)[];

export function checkBackoffFields(at: string, path: string, backoff: unknown): void {
  if (backoff !== undefined) checkDefinitionFields(at, path, backoff, backoffFields);
}

const triggerFields = ['name', 'rerun'] satisfies readonly (keyof TriggerOptions)[];
const rerunFields = ['source', 'key', 'timeoutMs', 'attemptsMax', 'backoff'] satisfies readonly (keyof RerunOptions)[];
const keyRule = text(keyCharactersMax);

/** What `bucket.on` was given. Null is as good as nothing. */
export function checkTriggerOptions(at: string, options: TriggerOptions): void {
  checkDefinitionFields(at, '', options, triggerFields);
  const { name, rerun } = options;
  if (typeof (name ?? '') !== 'string') throw invalidDefinition(at, 'name', name, 'must be a string');
  if (rerun === undefined || rerun === null) return;
  checkDefinitionFields(at, 'rerun', rerun, rerunFields);
  const { key = null, backoff } = rerun;
  const badKey = key === null ? null : keyRule(key);
  if (badKey) throw invalidDefinition(at, 'rerun.key', key, badKey);
  checkBackoffFields(at, 'rerun.backoff', backoff);
}
