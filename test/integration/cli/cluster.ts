/** A cluster of processes on this machine, and single processes of it, as their user starts them. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { UpReport } from '../../../src/api/cli/up.ts';
import { commandLine, type RunOptions, userEnvironment } from './pheromone.ts';

/** A command that runs until it is told to end. */
export interface Running {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly pid: number;
  /** The first line of its standard output. Rejects, with what it printed as errors, if it ends before. */
  readonly ready: Promise<string>;
  /** Its exit code or signal, and what it printed. */
  readonly ended: Promise<{ readonly code: number | NodeJS.Signals | null; readonly stdout: string; readonly stderr: string }>;
}

export function start(args: readonly string[], { env, cwd }: RunOptions = {}): Running {
  const child = spawn(process.execPath, commandLine(args), { stdio: ['ignore', 'pipe', 'pipe'], cwd, env: userEnvironment(env) });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: (code ?? signal) as number | NodeJS.Signals | null,
    stdout,
    stderr,
  }));
  const ready = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    void ended.then((end) => reject(new Error(`pheromone ${args.join(' ')} ended with ${end.code} before it was ready: ${end.stderr}`)));
  });
  // It may be that nobody waits for it.
  ready.catch(() => {});
  return { process: child, pid: child.pid ?? 0, ready, ended };
}

export interface Up extends Running {
  readonly report: UpReport;
  /** Of all its processes, its own too. */
  readonly pids: readonly number[];
}

/** A cluster that is ready, on a free port. */
export async function startUp(args: readonly string[] = [], options: RunOptions = {}): Promise<Up> {
  const up = start(['up', '--listen', 'tcp://127.0.0.1:0', '--arena-bytes', String(2 ** 26), '--json', ...args], options);
  const report = JSON.parse(await up.ready) as UpReport;
  return { ...up, report, pids: [report.pid, ...report.nodes.map(({ pid }) => pid)] };
}
