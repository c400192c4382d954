/** The cluster that a command works with: `--connect`, and `--key-file` where it has keys. */
import { InvalidArgumentError, Option } from 'commander';
import { addressRule } from '../../cluster/roles/settings.ts';
import type { App } from '../define-app.ts';
import type { Runtime } from '../runtime.ts';

const rule = addressRule(1);

export function connectOption(): Option {
  return new Option('--connect <address>', 'of a coordinator of a cluster, tcp://HOST:PORT, instead of an embedded runtime').argParser(
    (address) => {
      const bad = rule(address);
      if (bad) throw new InvalidArgumentError(`It ${bad}.`);
      return address;
    },
  );
}

export function keyFileOption(): Option {
  return new Option('--key-file <file>', 'the key with which to connect, of `pheromone keygen`').env('PHEROMONE_KEY_FILE');
}

/** A runtime on the cluster. Other commands start faster without what this needs. */
export async function connect(address: string, keyFile: string | undefined, apps: readonly App[] = []): Promise<Runtime> {
  return (await import('../connect.ts')).connect(address, { apps: [...apps], keyFile: keyFile || undefined });
}
