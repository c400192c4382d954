/**
 * `pheromone keygen`: makes the key of a cluster and one for a client; with `--client`, a key for another client of a cluster that has one.
 * What is secret goes to files that only their owner can read, and is printed nowhere.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isName } from '../../actors/app.ts';
import {
  badKey,
  clientKeyKind,
  clusterKeyKind,
  type ClientKeyFile,
  type ClusterKeyFile,
  readKeyFile,
} from '../../cluster/keys/key-file.ts';
import { createKeyPair } from '../../cluster/keys/key-pair.ts';
import { CommandFailed } from './failure.ts';

interface KeygenOptions {
  readonly out: string;
  readonly client?: string;
}

const clusterFile = 'cluster.key';
const firstClient = 'client';

export function keygenCommand(): Command {
  return new Command('keygen')
    .description('Make the keys of a cluster: encrypted, and only who has one joins or connects.')
    .option('--out <directory>', 'where the key files are written', '.')
    .option('--client <name>', `add a client to the ${clusterFile} there: makes NAME.key`, clientName)
    .action(({ out, client }: KeygenOptions) => {
      if (client === undefined) makeCluster(out);
      else addClient(out, client);
    });
}

function clientName(name: string): string {
  if (!isName(name) || name === 'cluster')
    throw new InvalidArgumentError('It must be 1 to 64 letters, digits, dots, dashes or underscores.');
  return name;
}

function makeCluster(out: string): void {
  mkdirSync(out, { recursive: true });
  const [cluster, client] = [createKeyPair(), createKeyPair()];
  const path = join(out, clusterFile);
  const clientPath = join(out, `${firstClient}.key`);
  const clients = { [firstClient]: client.publicKey };
  writeNew(clientPath, { kind: clientKeyKind, clusterKey: cluster.publicKey, ...client });
  try {
    writeNew(path, { kind: clusterKeyKind, ...cluster, clients });
  } catch (error) {
    rmSync(clientPath);
    throw error;
  }
  console.log(`${path}: for every coordinator and worker. Who has it is the cluster.
  pheromone coordinator --key-file ${path}
  pheromone worker --key-file ${path} --join tcp://HOST:PORT
${clientPath}: for a client. It may register apps, and so run code on the workers.
  pheromone status --key-file ${clientPath} --connect tcp://HOST:PORT
  connect(address, { keyFile })
For another client: pheromone keygen --client NAME --out ${out}`);
}

function addClient(out: string, name: string): void {
  const path = join(out, clusterFile);
  const cluster = readKeyFile(path);
  if (cluster.kind !== clusterKeyKind) throw badKey(path, 'is a client key');
  if (Object.hasOwn(cluster.clients, name)) throw new CommandFailed(`pheromone keygen: ${path} has a client ${name} already`);
  const client = createKeyPair();
  const clientPath = join(out, `${name}.key`);
  writeNew(clientPath, { kind: clientKeyKind, clusterKey: cluster.publicKey, ...client });
  const next = { ...cluster, clients: { ...cluster.clients, [name]: client.publicKey } };
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, textOf(next), { mode: 0o600, flag: 'wx' });
  renameSync(`${path}.new`, path);
  console.log(`${clientPath}: for the client ${name}. Give the nodes the new ${path}, and start them again: they read it as they start.`);
}

function textOf(content: ClusterKeyFile | ClientKeyFile): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** A key that is there already may be in use: it is not written over. */
function writeNew(path: string, content: ClusterKeyFile | ClientKeyFile): void {
  try {
    writeFileSync(path, textOf(content), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'is there already, and is not written over' : `cannot be written (${code ?? String(error)})`;
    throw new CommandFailed(`pheromone keygen: ${path} ${why}`);
  }
}
