/**
 * Processes that are measured. None outlives the benchmark, however that ends:
 *
 *   P1  Interrupted, it stops them before it ends; a second signal ends it at once.
 *   P2  Each has a channel to it, and ends by itself when that closes, as it does by a `kill -9` (`programs/with-parent.mjs`).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  /** What it printed first: it is ready. */
  readonly line: string;
  /** Sends it a message, and resolves with the next that it sends. Rejects when that takes too long, and from then on. */
  ask(message: object, msMax: number): Promise<unknown>;
  /** Resolves when it has ended, and all that it had started. */
  stop(): Promise<void>;
}

const signals = ['SIGTERM', 'SIGINT'] as const;
const readyMsMax = 90_000;
const stopMsMax = 30_000;
/** Of what it prints as errors, the last is kept. */
const complaintsMax = 4_000;
const withParent = new URL('programs/with-parent.mjs', import.meta.url).href;

const stops = new Set<() => Promise<void>>();
let interrupted: NodeJS.Signals | null = null;

/** Runs a program of Node, with nothing of our development tools. Rejects with what it printed as errors if it is never ready. */
export async function startProgram(file: string, args: readonly string[]): Promise<Program> {
  // In a group of its own: a Ctrl-C in the terminal is for the benchmark, which stops the others.
  const child = spawn(process.execPath, ['--import', withParent, file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
    env: userEnvironment(),
  });
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error(`${file} has no output`);
  let complaints = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-complaintsMax)));
  const ended = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    // Its own children print where it does: they have ended, too.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const stop = stoppedOnce(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    const how = await ended;
    clearTimeout(timer);
    if (how !== 'exit code 0' && how !== 'SIGTERM') process.stderr.write(`${file} ended: ${how}\n${complaints}\n`);
  });
  const line = new Promise<string>((resolve) => createInterface(stdout).once('line', resolve));
  const failed = ended.then((how) => Promise.reject<never>(new Error(`${file} has ended: ${how}\n${complaints}`)));
  failed.catch(() => {});
  let broken: Error | null = null;
  const ask = async (message: object, msMax: number) => {
    if (broken) throw broken;
    const answer = once(child, 'message').then(([answer]: unknown[]) => answer);
    child.send(message);
    try {
      return await within(Promise.race([answer, failed]), msMax, `${file} does not answer`);
    } catch (error) {
      // What it answers later is not the answer to the next.
      broken = error as Error;
      throw error;
    }
  };
  try {
    return { line: await within(Promise.race([line, failed]), readyMsMax, `${file} is not ready`), ask, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function within<T>(work: Promise<T>, msMax: number, otherwise: string): Promise<T> {
  const cancel = new AbortController();
  const late = sleep(msMax, null, { signal: cancel.signal }).then(() => Promise.reject<never>(new Error(`${otherwise} for ${msMax} ms`)));
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel.abort();
    late.catch(() => {});
  }
}

function userEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => name !== 'NODE_OPTIONS' && !name.startsWith('PHEROMONE_'));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

/** What is asked for again resolves with the first time. It is also done when the benchmark is interrupted. */
function stoppedOnce(stop: () => Promise<void>): () => Promise<void> {
  let stopping: Promise<void> | null = null;
  const once = () => (stopping ??= stop().finally(() => forget(once)));
  if (stops.size === 0) for (const signal of signals) process.on(signal, interrupt);
  stops.add(once);
  return once;
}

function forget(stop: () => Promise<void>): void {
  stops.delete(stop);
  if (stops.size === 0 && interrupted === null) for (const signal of signals) process.off(signal, interrupt);
}

function interrupt(signal: NodeJS.Signals): void {
  const exit = () => process.exit(128 + constants.signals[signal]);
  if (interrupted !== null) exit();
  interrupted = signal;
  void Promise.allSettled([...stops].map((stop) => stop())).then(exit);
}
