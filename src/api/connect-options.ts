/** Options of `connect`. */
import { logLevels, type LogLevel } from '../cluster/log.ts';
import { type App, isApp } from './define-app.ts';
import { invalidOption } from './errors.ts';
import { checkOptions, milliseconds, oneOf, type Rule, text } from './option-rules.ts';

export interface ConnectOptions {
  /** Registered before `connect` resolves. */
  readonly apps?: readonly App[] | undefined;
  /** How long to wait for an answer, 1 to 2³¹ − 1; then `PeerUnreachable`. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** The file with the key that was made for this client by `pheromone keygen`, where the cluster has keys. Default none: in clear. */
  readonly keyFile?: string | undefined;
  /** What stands in that file, where it comes from elsewhere. */
  readonly key?: string | undefined;
  /** What is logged, as JSON lines on standard error. Default `warn`. */
  readonly logLevel?: LogLevel | undefined;
}

const connectRules = {
  apps: (value) => (Array.isArray(value) && value.every(isApp) ? null : 'must be an array of apps, each made by defineApp'),
  timeoutMs: milliseconds(1),
  keyFile: text(4_096),
  // Checked apart: a refusal shows the value.
  key: () => null,
  logLevel: oneOf(...logLevels),
} satisfies Record<keyof ConnectOptions, Rule>;

const addressPattern = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;

/** Throws `InvalidOption` for a bad address or the first bad option. */
export function checkConnectOptions(address: unknown, options: unknown): ConnectOptions {
  const port = typeof address === 'string' ? addressPattern.exec(address)?.[2] : undefined;
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw invalidOption('connect', 'address', address, "must be a coordinator's address: tcp://HOST:PORT, such as tcp://127.0.0.1:7000");
  checkOptions('connect', options, connectRules);
  const given: ConnectOptions = options ?? {};
  if (given.key !== undefined && typeof given.key !== 'string') throw badKey('as text');
  if (given.key !== undefined && given.keyFile !== undefined) throw badKey('or the name of its file in options.keyFile, not both');
  return given;
}

function badKey(rule: string): Error {
  return invalidOption('connect', 'options.key', '(not shown)', `must be the content of a key file, ${rule}`);
}
