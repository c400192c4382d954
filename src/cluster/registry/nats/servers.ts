/**
 * Where NATS is, and as whom to come: `nats://HOST:PORT[,…]`. Credentials stand in the first address that has some: `USER:PASSWORD@`,
 * `TOKEN@`, or `?creds=FILE`; with `tls://` the connection must be encrypted.
 *
 *   V1  What is logged, shown or thrown has the hosts only: `hosts`, `withoutSecrets`.
 */
import type { Rule } from '../../../api/option-rules.ts';

export interface NatsServers {
  /** `HOST:PORT`. */
  readonly hosts: readonly string[];
  readonly isEncrypted: boolean;
  readonly user: string | null;
  readonly password: string | null;
  readonly token: string | null;
  readonly credsFile: string | null;
}

const charactersMax = 4_096;
const serversMax = 32;
const form = 'nats://[USER:PASSWORD@]HOST:PORT or tls://…, up to 32 of them with commas between';

/** A setting `registry`: null, or what it must be. */
export const natsServersRule: Rule = (value) => (readServers(value) ? null : `must be ${form}`);

/** Null: it names no servers. */
export function readServers(text: unknown): NatsServers | null {
  if (typeof text !== 'string' || text.length > charactersMax) return null;
  const urls = text.split(',').map((part) => urlOf(part.trim()));
  if (urls.length > serversMax || !urls.every((url) => url !== null)) return null;
  const named = urls.find(({ username, searchParams }) => username !== '' || searchParams.has('creds'));
  const [user, password] = named?.username ? [decodeURIComponent(named.username), decodeURIComponent(named.password)] : [null, null];
  return {
    hosts: urls.map(({ hostname, port }) => `${hostname}:${port || '4222'}`),
    isEncrypted: urls.some(({ protocol }) => protocol === 'tls:'),
    user: password ? user : null,
    password: password || null,
    token: password ? null : user,
    credsFile: named?.searchParams.get('creds') ?? null,
  };
}

/** The same text, to be shown: `nats://…@host:4222`. Also of one that names no servers. */
export function withoutSecrets(text: string): string {
  return text
    .split(',')
    .map((part) => part.replace(/^(\s*(?:[a-z]+:\/\/)?).*@/i, '$1…@').replace(/\?.*/, '?…'))
    .join(',');
}

function urlOf(text: string): URL | null {
  if (!/^(?:nats|tls):\/\/[^/?#]+(?:\?creds=[^&#]+)?$/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return null;
  }
  return url.hostname === '' ? null : url;
}
