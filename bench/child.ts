/** Programs of their own, as a user would write them, on the built package: what they cost without our development tools. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('..', import.meta.url));

let built: Promise<unknown> | null = null;

/** Builds the package that the programs run on, once. */
export async function buildPackage(): Promise<void> {
  built ??= run('npm', ['run', '--silent', 'build'], { cwd: checkout });
  await built;
}

/** Runs a program of `programs/` and reads what it has printed. Within the checkout, `pheromone` is the package that was built. */
export async function runProgram<T>(name: string, ...args: readonly (string | number)[]): Promise<T> {
  const file = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  const { stdout } = await run(process.execPath, [file, ...args.map(String)], { env: { ...process.env, NODE_OPTIONS: '' } });
  return JSON.parse(stdout) as T;
}
