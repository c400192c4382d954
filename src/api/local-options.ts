/** Options of a runtime as a whole: how `startLocal` makes it and `close` ends it. */
import { settingRules, type Settings } from '../cluster/config.ts';
import { type App, isApp } from './define-app.ts';
import { checkOptions, milliseconds, type Rule } from './option-rules.ts';

export type { LogLevel } from '../cluster/log.ts';

/** The apps, and the settings of `cluster/config.ts` that are a user's to change. */
export interface LocalOptions extends Settings {
  /** Registered before `startLocal` resolves. */
  readonly apps?: readonly App[] | undefined;
}

export interface CloseOptions {
  /** How long open sessions may go on, 0 to 2³¹ − 1. Default 0. */
  readonly drainMs?: number | undefined;
}

const localRules = {
  apps: (value) => (Array.isArray(value) && value.every(isApp) ? null : 'must be an array of apps, each made by defineApp'),
  ...settingRules,
} satisfies Record<keyof LocalOptions, Rule>;

const closeRules = { drainMs: milliseconds(0) } satisfies Record<keyof CloseOptions, Rule>;

/** The options of `startLocal`, typed. Throws `InvalidOption` for the first bad one. */
export function checkLocalOptions(options: unknown): LocalOptions {
  checkOptions('startLocal', options, localRules);
  return options ?? {};
}

/** The same for `close`. */
export function checkCloseOptions(options: unknown): CloseOptions {
  checkOptions('close', options, closeRules);
  return options ?? {};
}
