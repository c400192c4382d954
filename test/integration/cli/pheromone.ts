/** The command line as a process of its own. */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** `npm test` builds it. */
const copy = join(root, 'node_modules/.cache/pheromone');

/** These run no code but what they are sent. The others load the user's files, which import the checkout. */
const roles = ['up', 'coordinator', 'worker', 'status', 'keygen'];

/** Node's arguments for this command: of what was built from these sources, or else of the sources, which take a second longer to start. */
export function commandLine(args: readonly string[]): readonly string[] {
  const directory = roles.includes(args[0] ?? '') && isBuilt() ? copy : root;
  return [join(directory, 'bin/pheromone.mjs'), ...args];
}

let isBuiltNow: boolean | null = null;

function isBuilt(): boolean {
  isBuiltNow ??= changedMs(join(copy, 'dist/cli.js')) > Math.max(...['src', 'bin', 'scripts', 'package.json'].map(newestMs));
  return isBuiltNow;
}

function newestMs(part: string): number {
  const path = join(root, part);
  if (!statSync(path).isDirectory()) return changedMs(path);
  return Math.max(...readdirSync(path, { recursive: true, encoding: 'utf8' }).map((file) => changedMs(join(path, file))));
}

/** −∞: it is not there. */
function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

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
  const child = spawn(process.execPath, commandLine(args), { cwd, env: userEnvironment(env) });
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
