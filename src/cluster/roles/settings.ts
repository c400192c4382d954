/**
 * The settings of a process of a cluster, from all who may give them: a flag of its command line, else a variable of its environment,
 * else a field of its file, else the default.
 *
 *   C1  One table says what there is: flags, variables, fields, `--help` and checks are read from it.
 *   C2  Every source is checked whole, also where another has precedence: what is wrong and hidden today is in use tomorrow.
 *   C3  A refusal names the source, the value and the limit.
 *
 * Variables that are not in the table are no error, unlike fields of the file: others name their variables as they like
 * (Kubernetes has a `PHEROMONE_PORT` for a service called pheromone).
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { isName } from '../../actors/app.ts';
import { invalidOption } from '../../api/errors.ts';
import { milliseconds, type Rule, text, wholeNumber } from '../../api/option-rules.ts';
import { type Config, defaultConfig, settingDocs, settingRules } from '../config.ts';
import { natsServersRule, withoutSecrets } from '../registry/nats/servers.ts';
import type { NodeConfig } from './role.ts';

/** Who has settings: a process of a cluster, or the one that starts all of them. */
export type Settled = 'coordinator' | 'worker' | 'up';

/** What one process of a cluster runs with. */
export interface RoleSettings {
  readonly config: Config & NodeConfig;
  readonly drainMs: number;
  /** `http://HOST:PORT`; null: nowhere. */
  readonly healthListen: string | null;
}

interface AllSettings extends Config, NodeConfig {
  /** How long open sessions may go on after the process was told to stop. */
  readonly drainMs: number;
  /** Where `GET /livez` and `GET /readyz` are answered; null: nowhere. */
  readonly healthListen: string | null;
}

/** A setting as its user meets it. */
export interface Setting {
  /** In the file: `arenaBytes`. */
  readonly field: Field;
  /** On the command line: `--arena-bytes`. */
  readonly flag: string;
  /** In the environment: `PHEROMONE_ARENA_BYTES`. */
  readonly variable: string;
  readonly about: string;
  /** What values are good, with the unit. */
  readonly limit: string;
  /** In words. */
  readonly byDefault: string;
  readonly rule: Rule;
}

export type Field = keyof typeof rules;

/** What somebody gave, of good values; the rest is left to the defaults. */
export type Given = { readonly [F in Field]?: AllSettings[F] };

export interface Sources {
  /** By field, as they were written; `config` is the name of the file. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The flag and the variable that name the file. */
export const fileFlag = '--config';
export const fileVariable = 'PHEROMONE_CONFIG';

const addressCharactersMax = 300;

/** `SCHEME://HOST:PORT`. A port 0 is for those who listen, it takes any that is free; so is the host `*`: every address of this machine. */
export function addressRule(portMin: 0 | 1, scheme: 'tcp' | 'http' = 'tcp'): Rule {
  const ports = portMin === 0 ? 'port 0 for any that is free' : 'with a port from 1 to 65535';
  const form = `must be ${scheme}://HOST:PORT, ${ports}`;
  return (value) => {
    const [, given, host, port] = (typeof value === 'string' && value.length <= addressCharactersMax && addressPattern.exec(value)) || [];
    const isGood = given === scheme && Number(port) >= portMin && Number(port) <= 65_535 && (host !== '*' || portMin === 0);
    return isGood ? null : form;
  };
}

const addressPattern = /^([a-z]+):\/\/([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]|\*):(\d{1,5})$/;

const nameRule: Rule = (value) => (isName(value) ? null : 'must be 1 to 64 letters, digits, dots, dashes or underscores');

const clusterNameRule: Rule = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? null : 'must be 1 to 64 letters, digits, dashes or underscores';

const rules = {
  name: nameRule,
  listen: addressRule(0),
  advertise: addressRule(1),
  join: addressRule(1),
  registry: natsServersRule,
  clusterName: clusterNameRule,
  registryReplicas: wholeNumber(1, 5),
  keyFile: text(4_096),
  drainMs: milliseconds(0),
  healthListen: addressRule(0, 'http'),
  ...settingRules,
};

const docs: { readonly [F in Field]: string } = {
  name: 'name of this process, unique in the cluster',
  listen: 'where it listens',
  advertise: 'what others dial, where that is not what it listens on',
  join: 'a coordinator of the cluster to join',
  registry: 'NATS JetStream that holds the registry; nodes find each other there',
  clusterName: 'name of this cluster, of several on one NATS',
  registryReplicas: 'servers of NATS that keep each entry, when the cluster is new there',
  keyFile: "file with the cluster's key, of `pheromone keygen`",
  drainMs: 'how long open sessions may go on after SIGTERM or SIGINT',
  healthListen: 'where GET /livez and GET /readyz are answered',
  ...settingDocs,
};

const drainMsDefault = 10_000;

/** Two processes of one machine cannot have the same. */
const ofOneProcess: readonly Field[] = ['name', 'advertise', 'join', 'healthListen'];

/** What can be set, in the order of `--help`. `up` itself names the processes, and says what each joins. */
export function settingsOf(settled: Settled): readonly Setting[] {
  const fields = (Object.keys(rules) as Field[]).filter((field) => settled !== 'up' || !ofOneProcess.includes(field));
  const defaults: Readonly<Record<string, unknown>> = {
    ...defaultConfig(),
    ...nodeDefaults(settled),
    drainMs: drainMsDefault,
    healthListen: null,
  };
  return fields.map((field) => ({
    field,
    flag: `--${words(field).join('-').toLowerCase()}`,
    variable: `PHEROMONE_${words(field).join('_').toUpperCase()}`,
    about: docs[field],
    // Every rule refuses this, and says what it wants.
    limit: (rules[field](null) ?? '').replace(/^must be (a )?/, ''),
    byDefault: defaultWords(settled)[field] ?? String(defaults[field]),
    rule: rules[field],
  }));
}

/** `executorHeapMiB`: executor, Heap, MiB; the unit is one word. */
function words(field: string): string[] {
  return field.split(/(?<=[a-z])(?=[A-Z])(?!B$)/);
}

/** Defaults that are not a value, or another in each process. */
function defaultWords(settled: Settled): { readonly [F in Field]?: string } {
  const common = {
    name: "the host's name and the process id",
    advertise: 'what it listens on',
    healthListen: 'nowhere',
    executorHeapMiB: "Node's own limit",
    registry: 'none, the first coordinator holds it',
    join: settled === 'worker' ? 'none, a worker needs one, or a registry' : 'none, it is the first and holds the registry',
    keyFile: 'none, no encryption and no authentication',
  };
  if (settled !== 'up') return common;
  return { ...common, dataDir: 'a temporary one, removed at the end', executors: "a worker's share of the processors, at least 1" };
}

function nodeDefaults(settled: Settled): NodeConfig {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 50);
  return {
    name: `${host || 'node'}-${process.pid}`,
    listen: settled === 'worker' ? 'tcp://127.0.0.1:0' : 'tcp://127.0.0.1:7000',
    advertise: null,
    join: null,
    registry: null,
    clusterName: 'pheromone',
    registryReplicas: 1,
    keyFile: null,
  };
}

/** What all sources together give. Throws `InvalidOption`; `at` is the command that they were given to. */
export function readGiven(at: string, settled: Settled, { flags, environment }: Sources): Given {
  const settings = settingsOf(settled);
  const flagged = typeof flags.config === 'string' ? flags.config : undefined;
  const file = flagged ?? (environment[fileVariable] || undefined);
  const fields = file === undefined ? {} : readFile(at, flagged === undefined ? fileVariable : `option '${fileFlag}'`, file, settings);
  const given: Partial<Record<Field, unknown>> = {};
  const from: Partial<Record<Field, string>> = {};
  for (const { field, flag, variable, rule } of settings) {
    // From the weakest to the strongest.
    const sources = [
      { value: fields[field], named: `field ${field} of ${file}` },
      // A compose file sets what it has no value for to nothing.
      { value: fromText(rule, environment[variable] || undefined), named: variable },
      { value: fromText(rule, flags[field]), named: `option '${flag}'` },
    ];
    for (const { value, named } of sources.filter((source) => source.value !== undefined)) {
      const bad = rule(value);
      if (bad) throw invalidOption(at, named, field === 'registry' ? withoutSecrets(String(value)) : value, bad);
      given[field] = value;
      from[field] = named;
    }
  }
  checkTogether(at, settled, given as Given, from);
  return given as Given;
}

/** All settings of a process, from those that were given. */
export function roleSettings(
  role: 'coordinator' | 'worker',
  { drainMs = drainMsDefault, healthListen = null, ...given }: Given,
): RoleSettings {
  const config = { ...defaultConfig(), ...nodeDefaults(role), ...given };
  return { config: { ...config, dataDir: resolve(config.dataDir) }, drainMs, healthListen };
}

/** Flags that give the same to another process. */
export function flagsOf(given: Given): string[] {
  return settingsOf('worker')
    .filter(({ field }) => given[field] !== undefined)
    .map(({ field, flag }) => `${flag}=${String(given[field])}`);
}

function checkTogether(
  at: string,
  settled: Settled,
  { listen, advertise, join, registry }: Given,
  from: { readonly [F in Field]?: string },
): void {
  if (join !== undefined && registry !== undefined)
    throw invalidOption(at, from.join ?? '', join, 'with a registry at NATS nodes find each other there: leave one of them out');
  if (settled === 'worker' && join === undefined && registry === undefined) {
    throw invalidOption(at, "option '--join'", undefined, 'a worker needs the address of a coordinator, tcp://HOST:PORT, or a registry');
  }
  if (typeof listen !== 'string' || advertise !== undefined || !/^tcp:\/\/(?:\*|0\.0\.0\.0|\[::\]):/.test(listen)) return;
  const remedy = settled === 'up' ? 'name one address of this machine' : "say with option '--advertise' what they dial";
  throw invalidOption(at, from.listen ?? '', listen, `others cannot dial every address: ${remedy}`);
}

/** The value that a text means to a rule. One that means nothing to it stays a text, to be refused. */
function fromText(rule: Rule, given: unknown): unknown {
  if (typeof given !== 'string' || given.trim() === '') return given;
  const meanings = [given, Number(given), given === 'true' ? true : given === 'false' ? false : given];
  return meanings.find((meaning) => rule(meaning) === null) ?? given;
}

function readFile(at: string, named: string, file: string, settings: readonly Setting[]): Readonly<Record<string, unknown>> {
  const refuse = (why: string) => invalidOption(at, named, file, why);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refuse(`${error instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read'}: ${(error as Error).message}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw refuse('it must hold a JSON object');
  const known = settings.map(({ field }) => field);
  for (const [field, value] of Object.entries(content)) {
    const rule = `is not a setting of it (there are ${known.join(', ')})`;
    if (!(known as readonly string[]).includes(field)) throw invalidOption(at, `field ${field} of ${file}`, value, rule);
  }
  return content as Readonly<Record<string, unknown>>;
}
