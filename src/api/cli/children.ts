/**
 * The processes of a cluster that `pheromone up` starts on this machine, from its side.
 *
 *   P1  Each has a process group of its own: a Ctrl-C in the terminal reaches only `up`, which takes them down in order.
 *   P2  None outlives `up`, however that ends: when the channel between them closes, a child ends itself (`parent.ts`).
 *   P3  Taking down ends: who has not ended in time is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { CommandFailed } from './failure.ts';
import type { ChildMessage } from './parent.ts';

/** What to start. */
export interface ChildPlan {
  readonly name: string;
  /** `worker w1`: as it is spoken of. */
  readonly title: string;
  /** Of Node: the script first. */
  readonly args: readonly string[];
  /** Settings that are secret: who lists processes sees their flags. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface ReadyChild {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
}

export interface ChildLimits {
  /** From the start of a child until it is ready. */
  readonly startMsMax: number;
  /** From SIGTERM until SIGKILL. */
  readonly stopMsMax: number;
}

interface Child {
  readonly plan: ChildPlan;
  readonly process: ChildProcess;
  /** How it ended. Never rejects. */
  readonly ended: Promise<string>;
  isEnded: boolean;
  isReady: boolean;
  /** What it said that it failed of. */
  reason: string | null;
}

export class Children {
  readonly #limits: ChildLimits;
  readonly #children = new Map<string, Child>();
  #lose: (why: CommandFailed) => void = () => {};
  #isStopping = false;
  /** Resolves when a child that was ready ends unasked. */
  readonly lost = new Promise<CommandFailed>((resolve) => (this.#lose = resolve));

  constructor(limits: ChildLimits) {
    this.#limits = limits;
  }

  /** Resolves when it is ready. Rejects with why it is not, and will never be: it may still have to be taken down. */
  async start(plan: ChildPlan): Promise<ReadyChild> {
    if (this.#isStopping) throw new CommandFailed(`${plan.title} could not start: all are being taken down`);
    const child = launch(plan);
    this.#children.set(plan.name, child);
    void child.ended.then((how) => {
      if (child.isReady && !this.#isStopping) this.#lose(new CommandFailed(`${plan.title} (process ${child.process.pid}) ended: ${how}`));
    });
    const address = await ready(child, this.#limits.startMsMax);
    return { name: plan.name, pid: child.process.pid ?? 0, address };
  }

  /** Ends all, group after group, each in order. Resolves with those that had to be killed, or failed as they ended. */
  async takeDown(groups: readonly (readonly string[])[]): Promise<string[]> {
    this.#isStopping = true;
    const wrong: string[] = [];
    for (const names of groups) {
      const children = names.map((name) => this.#children.get(name)).filter((child) => child !== undefined);
      await Promise.all(children.map(async (child) => wrong.push(...(await stop(child, this.#limits.stopMsMax)))));
    }
    return wrong;
  }

  /** At once, in no order. */
  killAll(): void {
    this.#isStopping = true;
    for (const child of this.#children.values()) child.process.kill('SIGKILL');
  }
}

function launch(plan: ChildPlan): Child {
  const started = spawn(process.execPath, plan.args, {
    // What they print are logs to whoever runs `up`, whose own standard output has its one line.
    stdio: ['ignore', 2, 2, 'ipc'],
    detached: true,
    env: { ...inheritedEnvironment(), ...plan.variables },
  });
  const ended = new Promise<string>((resolve) => {
    started.once('error', ({ message }) => resolve(message));
    started.once('exit', (code, signal) => {
      const end = () => resolve(child.reason ?? (signal ? `killed by ${signal}` : `exit code ${code}`));
      // What it told last may still be on its way.
      if (started.connected) started.once('disconnect', end);
      else end();
    });
  });
  const child: Child = { plan, process: started, ended, isEnded: false, isReady: false, reason: null };
  void ended.then(() => (child.isEnded = true));
  return child;
}

/** Settings come by flags, and `variables`, alone: `up` has read the environment's, and what it left out is to be the default. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PHEROMONE_')));
}

/** The address that the child says it is ready at. */
function ready(child: Child, timeoutMs: number): Promise<string> {
  const { plan, process: started, ended } = child;
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new CommandFailed(`${plan.title} could not start: ${why}`));
    const timer = setTimeout(() => fail(`it is not ready after ${timeoutMs} ms`), timeoutMs);
    started.on('message', (message) => {
      const told = message as ChildMessage;
      if (told.kind === 'failed') child.reason = told.reason;
      else {
        child.isReady = true;
        clearTimeout(timer);
        resolve(told.address);
      }
    });
    void ended.then((how) => {
      clearTimeout(timer);
      fail(how);
    });
  });
}

/** Resolves when it has ended, with what was wrong about that. */
async function stop(child: Child, timeoutMs: number): Promise<string[]> {
  const { plan, process: stopped, ended } = child;
  if (child.isEnded) return [];
  let isKilled = false;
  const timer = setTimeout(() => (isKilled = stopped.kill('SIGKILL')), timeoutMs);
  stopped.kill('SIGTERM');
  const how = await ended;
  clearTimeout(timer);
  if (isKilled) return [`${plan.title} did not end within ${timeoutMs} ms and was killed`];
  // One that was not ready yet ends by the signal.
  return child.isReady && how !== 'exit code 0' ? [`${plan.title} ended: ${how}`] : [];
}
