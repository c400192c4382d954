/**
 * What is refused when an app is defined: first parts that are not what they should be, then what `checkApp` finds in the data,
 * then states of custom primitives that could not travel. All throw `InvalidDefinition`; `at` says which app.
 */
import { type AppDefinition, checkApp, traitsOf } from '../actors/app.ts';
import { builtInPrimitives } from '../actors/bucket/primitives/index.ts';
import type { Primitive as Evaluator } from '../actors/bucket/primitives/primitive.ts';
import type { AppParts } from './app-definition.ts';
import { isBucket } from './bucket.ts';
import { checkInitialState } from './define-primitive.ts';
import { checkDefinitionFields } from './definition-options.ts';
import { invalidDefinition } from './errors.ts';
import { isFn } from './fn.ts';
import { isTrigger, type Trigger } from './trigger.ts';

/** Checks a definition; returns it with the traits of its triggers. */
export function completeDefinition(at: string, draft: AppDefinition, evaluators: ReadonlyMap<string, Evaluator>): AppDefinition {
  const lookup = (kind: string) => builtInPrimitives.get(kind) ?? evaluators.get(kind);
  const bad = checkApp(draft, lookup);
  if (bad) throw invalidDefinition(`${at}${triggerOf(draft, bad.field)}`, bad.field, bad.value, bad.message);
  const triggers = draft.triggers.map((trigger, i) => {
    const evaluator = lookup(trigger.primitive);
    if (!evaluator) throw new Error(`bug: checkApp has passed the unknown primitive ${trigger.primitive}`);
    const badState = evaluators.has(trigger.primitive) ? checkInitialState(evaluator, trigger.options) : null;
    if (badState)
      throw invalidDefinition(`${at}, trigger ${trigger.name}`, `triggers[${i}].${badState.field}`, badState.value, badState.message);
    return { ...trigger, traits: traitsOf(evaluator, trigger.options) };
  });
  return { ...draft, triggers };
}

/** `triggers[3].options.k` tells little to whoever did not count: the trigger's name too. */
function triggerOf(definition: AppDefinition, field: string): string {
  const index = /^triggers\[(\d+)\]/.exec(field)?.[1];
  const trigger = index === undefined ? undefined : definition.triggers[Number(index)];
  return trigger ? `, trigger ${trigger.name}` : '';
}

const partFields = ['module', 'triggers', 'buckets', 'functions', 'external'] satisfies readonly (keyof AppParts)[];

/** What TypeScript refuses already, for those who do not use it, and for cyclic imports, which leave `undefined` in lists. */
export function checkParts(at: string, options: AppParts): void {
  checkDefinitionFields(at, '', options, partFields);
  const { module, triggers, functions = [], buckets = [], external = [] } = options;
  if (typeof module !== 'string' || !URL.canParse(module) || new URL(module).protocol !== 'file:') {
    throw invalidDefinition(at, 'module', module, 'must be the file: URL of the module that exports the app: write import.meta.url');
  }
  checkList(at, 'triggers', triggers, isTrigger, 'must be a trigger: bucket.on(primitive, fn)');
  checkList(at, 'functions', functions, isFn, 'must be a function made by fn');
  checkList(at, 'buckets', buckets, isBucket, 'must be a bucket made by bucket');
  checkList(at, 'external', external, (item) => typeof item === 'string' && item !== '', 'must be the name of a package');
  for (const [i, trigger] of triggers.entries()) checkArity(at, `triggers[${i}]`, trigger);
}

/** The function takes one input or many as the primitive gives. */
export function checkArity(at: string, field: string, { fn, primitive }: Trigger): void {
  if (fn.arity === 'any' || fn.arity === primitive.arity) return;
  const rule = primitive.arity === 'one' ? 'gives a single input: declare { input }' : 'gives an array: declare { inputs }';
  throw invalidDefinition(at, `${field}.function`, fn.name, `${primitive.kind} ${rule}`);
}

function checkList(at: string, field: string, list: unknown, isGood: (item: unknown) => boolean, rule: string): void {
  if (!Array.isArray(list)) throw invalidDefinition(at, field, list, 'must be an array');
  for (const [i, item] of list.entries()) {
    if (!isGood(item)) throw invalidDefinition(at, `${field}[${i}]`, item, rule);
  }
}
