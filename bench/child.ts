/** A program of its own, as a user would write it, on the built package: what starting and idling cost without our development tools. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('..', import.meta.url));

const app = `
import { bucket, defineApp, fn, immediate } from 'pheromone';
const questions = bucket('questions');
const answer = fn('answer', { input: questions, output: {} }, (input, ctx) => void ctx.output(input.value + 1));
export default defineApp('one', { module: import.meta.url, triggers: [questions.on(immediate(), answer)] });
`;

const main = `
import { startLocal } from 'pheromone';
import app from './app.mjs';
const beganMs = performance.now();
const runtime = await startLocal({ apps: [app], executors: 2 });
if (await runtime.call(app, 'questions', 1) !== 2) throw new Error('wrong answer');
const startMs = performance.now() - beganMs;
const idleMs = Number(process.argv[2]);
await new Promise((resolve) => setTimeout(resolve, idleMs / 2));
const before = process.cpuUsage();
await new Promise((resolve) => setTimeout(resolve, idleMs));
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ startMs, rssMB: process.memoryUsage().rss / 1e6, cpuPercent: idleMs > 0 ? (user + system) / 10 / idleMs : 0 }));
await runtime.close();
`;

export interface ChildReport {
  readonly startMs: number;
  readonly rssMB: number;
  readonly cpuPercent: number;
}

/** A program in a folder of its own; the package is built first. */
export async function prepareChild(): Promise<{ run(idleMs: number): Promise<ChildReport>; close(): Promise<void> }> {
  await run('npm', ['run', '--silent', 'build'], { cwd: checkout });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pheromone-bench-'));
  await mkdir(path.join(folder, 'node_modules'));
  await symlink(checkout, path.join(folder, 'node_modules', 'pheromone'));
  await writeFile(path.join(folder, 'app.mjs'), app);
  await writeFile(path.join(folder, 'main.mjs'), main);
  return {
    async run(idleMs) {
      const { stdout } = await run(process.execPath, ['main.mjs', String(idleMs)], {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      return JSON.parse(stdout) as ChildReport;
    },
    close: () => rm(folder, { recursive: true }),
  };
}
