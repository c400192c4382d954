/**
 * Key files, as `pheromone keygen` writes them: JSON, readable by their owner.
 *
 *     cluster.key   { "kind": "pheromone cluster key", "publicKey", "secretKey", "clients": { NAME: public key, … } }
 *     client.key    { "kind": "pheromone client key", "clusterKey", "publicKey", "secretKey" }
 *
 *   F1  A refusal names the file and the field, and never what stands there: it might be a secret, in the wrong place.
 *   F2  A file that every user of the machine can read is refused.
 */
import { readFileSync, statSync } from 'node:fs';
import { errorFromData } from '../../api/errors.ts';
import { errorData } from '../../actors/protocol/error.ts';
import { isKey, type KeyPair, publicKeyOf } from './key-pair.ts';
import { Keys } from './keys.ts';

export const clusterKeyKind = 'pheromone cluster key';
export const clientKeyKind = 'pheromone client key';

export interface ClusterKeyFile extends KeyPair {
  readonly kind: typeof clusterKeyKind;
  /** Public keys, by the names of whom they were made for. */
  readonly clients: Readonly<Record<string, string>>;
}

export interface ClientKeyFile extends KeyPair {
  readonly kind: typeof clientKeyKind;
  readonly clusterKey: string;
}

/** For coordinators and workers. */
export function readNodeKeys(file: string): Keys {
  const content = readKeyFile(file);
  if (content.kind === clusterKeyKind) return Keys.ofCluster(content, Object.values(content.clients));
  throw badKey(file, 'is a client key: coordinators and workers need the cluster key');
}

/** For a client; who has the cluster key may be one too. */
export function readClientKeys(file: string): Keys {
  return clientKeysOf(readKeyFile(file));
}

/** Of what stands in a key file. `named`: where it was given. */
export function parseClientKeys(named: string, text: string): Keys {
  return clientKeysOf(parseKeyFile(named, text));
}

export function readKeyFile(file: string): ClusterKeyFile | ClientKeyFile {
  return parseKeyFile(file, readPrivate(file));
}

function clientKeysOf(content: ClusterKeyFile | ClientKeyFile): Keys {
  return Keys.ofClient(content, content.kind === clusterKeyKind ? content.publicKey : content.clusterKey);
}

/** Far more than a thousand clients need. */
const fileBytesMax = 2 ** 20;
const othersMayRead = 0o004;

function readPrivate(file: string): string {
  try {
    const { mode, size } = statSync(file);
    if (size > fileBytesMax) throw badKey(file, `is larger than ${fileBytesMax} bytes`);
    if (process.platform !== 'win32' && (mode & othersMayRead) !== 0)
      throw badKey(file, `can be read by every user of this machine: chmod 600 ${file}`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : badKey(file, `cannot be read (${code ?? 'unknown'})`);
  }
}

function parseKeyFile(named: string, text: string): ClusterKeyFile | ClientKeyFile {
  const content = parseObject(named, text);
  const { kind, publicKey, secretKey, clusterKey, clients } = content;
  if (kind !== clusterKeyKind && kind !== clientKeyKind)
    throw badKey(named, `has no kind that is known: it is "${clusterKeyKind}" or "${clientKeyKind}"`);
  const own = { publicKey: keyOf(named, 'publicKey', publicKey), secretKey: keyOf(named, 'secretKey', secretKey) };
  if (publicKeyOf(own.secretKey) !== own.publicKey) throw badKey(named, 'has a publicKey that is not that of its secretKey');
  if (kind === clientKeyKind) return { kind, ...own, clusterKey: keyOf(named, 'clusterKey', clusterKey) };
  if (typeof clients !== 'object' || clients === null || Array.isArray(clients))
    throw badKey(named, 'has no clients: they are an object of public keys by name, {} for none');
  const entries = Object.entries(clients).map(([name, key]) => [name, keyOf(named, `clients.${name.slice(0, 64)}`, key)] as const);
  return { kind, ...own, clients: Object.fromEntries(entries) };
}

function parseObject(named: string, text: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // What the parser says quotes the text.
    throw badKey(named, 'is not JSON: it is to be as `pheromone keygen` has written it');
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw badKey(named, 'is not a JSON object');
  return content as Readonly<Record<string, unknown>>;
}

function keyOf(named: string, field: string, value: unknown): string {
  if (isKey(value)) return value;
  throw badKey(named, `has a bad ${field}: it is to be a key, 40 characters of Z85`);
}

export function badKey(named: string, why: string): Error {
  return errorFromData(errorData('InvalidOption', `key file ${named} ${why}`, { field: 'keyFile', value: named }));
}
