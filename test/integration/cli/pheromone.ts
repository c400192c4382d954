/** The command line as a process of its own. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const bin = fileURLToPath(new URL('../../../bin/pheromone.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Nothing of the test's own way to load modules is passed on. What tsx has made of the sources is kept for the next process, unless it
 * is looked at what is left in the directory for temporary files.
 */
export function userEnvironment(env: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  return { ...inherited, ...(env['TMPDIR'] === undefined && { TSX_DISABLE_CACHE: '' }), ...env };
}

/** Runs `pheromone` with these arguments, as a user's shell would. */
export async function pheromone(args: readonly string[], { stdin = '', cwd, env }: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: userEnvironment(env) });
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
