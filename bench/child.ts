/** Programs of their own, as a user would write them, on the package that `npm run bench` has built: without our development tools. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a program of `programs/` and reads what it has printed. Within the checkout, `pheromone` is the package that was built. */
export async function runProgram<T>(name: string, ...args: readonly (string | number)[]): Promise<T> {
  const file = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  const { stdout } = await run(process.execPath, [file, ...args.map(String)], { env: { ...process.env, NODE_OPTIONS: '' } });
  return JSON.parse(stdout) as T;
}
