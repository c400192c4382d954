/**
 * Clusters of child processes on this machine: calls, directly and by way of a coordinator, sessions, what it costs to run elsewhere than at
 * home, large objects from worker to worker, and idling. Beside them bare ZeroMQ between two processes, also with a thread behind it, and
 * with a process between them, and a copy in memory.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Runtime } from 'pheromone';
import type { Dealer } from 'zeromq';
import { away, keepMs, type Told } from '../apps/away.ts';
import { one } from '../apps/paths.ts';
import { type Cluster, SharedCluster } from '../cluster.ts';
import { inLanes, type Measure, quantile, timed, warmUp } from '../measure.ts';
import { type Program, startProgram } from '../processes.ts';
import { check } from '../runtime.ts';
import { memcpy } from './pass.ts';

const name = 'remote';
const sizeBytes = 100_000_000;
const pieceBytes = 256 * 1_024;
const messageBytes = 100;
const calls = 500;
/**
 * In each round, before those that count, also of bare ZeroMQ: while others were measured, V8 has given back memory that these take again,
 * and so many calls and round trips take up to three times as long as those after them.
 */
const again = 1_500;
const warmUps = 10_000;
const sessions = 20_000;
const open = 1_024;
const throughputWarmUps = 100_000;
const hops = 200;
/** Of the first thousand, each takes longer by what the four processes still compile. */
const hopWarmUps = 2_000;
/** As `again`, at home and forwarded. */
const hopsAgain = 300;
const objects = 3;
/** An invocation waits at home for about as long as attempts have taken there: so many short ones make it the least, 2 ms. */
const shortsBetween = 60;
/** Should the other end of bare ZeroMQ be no more. */
const silenceMs = 20_000;
const idleMs = 5_000;
/** Before it is idle: workers collect the garbage of what was before up to 7 s afterwards, and V8 by itself some 8 and 16. */
const restMs = 20_000;
/** Of times in /proc, on all processors that Node runs on. */
const ticksPerSecond = 100;

const single = new SharedCluster(1, [one]);
const behind = new SharedCluster(1, [one], true);
const pair = new SharedCluster(2, [away]);

function onCluster(
  cluster: SharedCluster,
  unit: string,
  settings: Measure['settings'],
  sample: (cluster: Cluster) => Promise<readonly number[]>,
  ready?: (cluster: Cluster) => Promise<unknown>,
): Measure {
  return {
    name,
    system: 'pheromone',
    unit,
    settings: { ...settings, started: cluster.settings },
    async prepare() {
      const opened = await cluster.open();
      try {
        await ready?.(opened);
      } catch (error) {
        await cluster.close();
        throw error;
      }
      return { sample: () => sample(opened), close: () => cluster.close() };
    },
  };
}

type Bare = Pick<Program, 'line' | 'stop'>;

const program = (name: string) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

/** `how`: `thread`, or nothing. */
function startBare(...how: readonly string[]): Promise<Bare> {
  return startProgram(program('zeromq.mjs'), [String(sizeBytes), ...how]);
}

async function startRelayed(): Promise<Bare> {
  const end = await startBare('thread');
  try {
    const relay = await startProgram(program('zeromq-relay.mjs'), [end.line]);
    const stop = async () => {
      await relay.stop();
      await end.stop();
    };
    return { line: relay.line, stop };
  } catch (error) {
    await end.stop();
    throw error;
  }
}

function bare(
  unit: string,
  settings: Measure['settings'],
  sample: (dealer: Dealer) => Promise<readonly number[]>,
  start: () => Promise<Bare> = () => startBare(),
): Measure {
  return {
    name,
    system: 'zeromq',
    unit,
    settings: { ...settings, over: 'tcp 127.0.0.1, DEALER to ROUTER in another process' },
    async prepare() {
      const { Dealer } = await import('zeromq');
      const { line, stop } = await start();
      const dealer = new Dealer({ linger: 0, sendTimeout: silenceMs, receiveTimeout: silenceMs });
      dealer.connect(line);
      const close = async () => {
        dealer.close();
        await stop();
      };
      return { sample: () => sample(dealer), close };
    },
  };
}

async function echoes(dealer: Dealer): Promise<number[]> {
  const values = [];
  const message = Buffer.alloc(messageBytes);
  for (let i = 0; i < again + calls; i++) {
    message.writeUInt32LE(i);
    const tookMs = await timed(async () => {
      await dealer.send(message);
      const [echo] = await dealer.receive();
      check(echo?.length === messageBytes && echo.readUInt32LE() === i, 'echo');
    });
    values.push(1_000 * tookMs);
  }
  return values.slice(again);
}

/** Until the other end says that all has come. */
async function pieces(dealer: Dealer): Promise<number[]> {
  const bytes = Buffer.alloc(sizeBytes);
  let sum = 0;
  for (let at = 0; at < sizeBytes; at += pieceBytes) {
    bytes[at] = at / pieceBytes;
    sum += bytes[at] ?? 0;
  }
  const values = [];
  for (let i = 0; i < objects; i++) {
    const tookMs = await timed(async () => {
      for (let at = 0; at < sizeBytes; at += pieceBytes) await dealer.send(bytes.subarray(at, at + pieceBytes));
      const [answer] = await dealer.receive();
      check(String(answer) === JSON.stringify({ bytes: sizeBytes, sum }), 'pieces');
    });
    values.push(tookMs);
  }
  return values;
}

async function call({ runtime }: Cluster, times: number): Promise<number[]> {
  const values = [];
  for (let i = 0; i < times; i++)
    values.push(1_000 * (await timed(async () => check((await runtime.call(one, 'questions', i)) === i + 1, 'call'))));
  return values;
}

async function callsAgain(cluster: Cluster): Promise<number[]> {
  return (await call(cluster, again + calls)).slice(again);
}

async function throughput({ runtime }: Cluster): Promise<number[]> {
  const tookMs = await timed(() => pipelined(runtime, sessions));
  return [sessions / (tookMs / 1_000)];
}

/** What takes many at a time is not what takes them one by one: it is compiled when there are many. */
function warmUpThroughput({ runtime }: Cluster): Promise<void> {
  return pipelined(runtime, throughputWarmUps);
}

function pipelined(runtime: Runtime, times: number): Promise<void> {
  return inLanes(times, open, async (i) => check((await runtime.call(one, 'questions', i)) === i + 1, 'throughput'));
}

interface Short {
  readonly tookMs: number;
  /** Of the worker where it ran. */
  readonly pid: number;
}

/** Calls of a short function until their sessions' end: those of which one invocation was forwarded, or none. */
async function shorts(runtime: Runtime, times: number, forwarded: 0 | 1): Promise<Short[]> {
  const values: Short[] = [];
  let { invocationsForwarded: before } = await runtime.stats();
  for (let i = 0; i < times; i++) {
    let told: readonly Told[] = [];
    const tookMs = await timed(async () => (told = await runtime.call(away, 'shorts', i, { until: 'end' })));
    const [answer] = told;
    check(told.length === 1 && answer?.value === i + 1, 'short');
    // Also: what has ended is known to the coordinator, which looks at it to place the next session.
    const { invocationsForwarded: after } = await runtime.stats();
    if (after - before === forwarded) values.push({ tookMs, pid: answer?.pid ?? 0 });
    before = after;
  }
  return values;
}

/**
 * What a call takes longer when its function runs on the other worker, because its home's only executor is kept by a function that
 * waits. The session of that function, and one on the other worker that does nothing, make all sessions find the same home.
 */
async function forwarded({ runtime }: Cluster, times: number): Promise<number[]> {
  const atHome = await shorts(runtime, hopsAgain + times, 0);
  if (atHome.length <= hopsAgain) return [];
  const elsewhere = await whileHomeIsKept(runtime, async (pid) =>
    (await shorts(runtime, hopsAgain + times, 1)).slice(hopsAgain).filter((short) => short.pid !== pid),
  );
  const homeMs = quantile(
    atHome.slice(hopsAgain).map(({ tookMs }) => tookMs),
    0.5,
  );
  return elsewhere.map(({ tookMs }) => tookMs - homeMs);
}

async function warmUpHops({ runtime }: Cluster): Promise<void> {
  const short = (i: number) => runtime.call(away, 'shorts', i, { until: 'end' });
  await warmUp(hopWarmUps, short);
  await whileHomeIsKept(runtime, () => warmUp(hopWarmUps, short));
}

/** `pid`: of the home. */
async function whileHomeIsKept<T>(runtime: Runtime, work: (pid: number | undefined) => Promise<T>): Promise<T> {
  const holder = await runtime.start(away, 'holds', null);
  const kept = await holder.result();
  const parked = await runtime.start(away, 'parks', null);
  try {
    return await work(kept?.pid);
  } finally {
    await Promise.all([holder.cancel(), parked.cancel()]);
    await allEnded(runtime);
  }
}

async function allEnded(runtime: Runtime): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if ((await runtime.stats()).sessionsOpen === 0) return;
    await sleep(5);
  }
  throw new Error('sessions that were cancelled have not ended');
}

/** Made at home, whose executor its maker keeps; read on the other worker, to which it is brought. One that was read at home does not count. */
async function toOtherWorker({ runtime }: Cluster): Promise<number[]> {
  const values = [];
  for (let i = 0; i < objects; i++) {
    for (let j = 0; j < shortsBetween; j++) await runtime.call(away, 'shorts', j, { until: 'end' });
    const [told] = await runtime.call(away, 'makes', sizeBytes, { until: 'end' });
    check(told !== undefined, 'object');
    if (told && told.pid !== told.from) values.push(told.value);
  }
  return values;
}

/** Of each process, in percent of a processor. */
async function idleCpu({ pids }: Cluster): Promise<readonly number[]> {
  await sleep(restMs);
  const measured = [...pids.values()];
  const before = await Promise.all(measured.map(cpuSeconds));
  const tookMs = await timed(() => sleep(idleMs));
  const after = await Promise.all(measured.map(cpuSeconds));
  return after.map((seconds, i) => (100 * (seconds - (before[i] ?? 0))) / (tookMs / 1_000));
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold anything; user and system time are the 14th and 15th.
  const { 11: user, 12: system } = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(user) + Number(system)) / ticksPerSecond;
}

let idleOnce: Promise<readonly number[]> | null = null;

/** Measured while it is prepared: of the rounds, each would take as long, and tell the same. */
function idle(what: string, index: number): Measure {
  return {
    name,
    system: 'pheromone',
    unit: '% of a processor',
    settings: { what: `idle, ${what}`, for: `${idleMs} ms`, times: 1, client: 'connected', started: pair.settings },
    unavailable: process.platform === 'linux' ? undefined : `there is no /proc on ${process.platform}`,
    async prepare() {
      const cluster = await pair.open();
      try {
        const percent = (await (idleOnce ??= idleCpu(cluster)))[index] ?? 0;
        return { sample: async () => [percent], close: () => pair.close() };
      } catch (error) {
        await pair.close();
        throw error;
      }
    },
  };
}

const hopHow =
  'what a call until its end takes longer than where its home is free; its home is kept by what lasts, so that it does not wait there';
const objectHow = `from seal until its reader runs, with the 2 ms and more that it waits at home, whose executor its maker keeps for ${keepMs} ms`;

export const remoteMeasures: readonly Measure[] = [
  bare('µs', { what: 'round trip', message: `${messageBytes} bytes`, again }, echoes),
  bare('µs', { what: 'round trip by way of another thread there', message: `${messageBytes} bytes`, again }, echoes, () =>
    startBare('thread'),
  ),
  bare(
    'µs',
    { what: 'round trip by way of a process between, and another thread', message: `${messageBytes} bytes`, again },
    echoes,
    startRelayed,
  ),
  onCluster(single, 'µs', { what: 'call', calls: `${calls} back to back`, warmUps, again }, callsAgain, (cluster) =>
    call(cluster, warmUps),
  ),
  onCluster(behind, 'µs', { what: 'call through one address', calls: `${calls} back to back`, warmUps, again }, callsAgain, (cluster) =>
    call(cluster, warmUps),
  ),
  onCluster(single, 'sessions/s', { what: 'throughput', sessions, open, warmUps: throughputWarmUps }, throughput, warmUpThroughput),
  onCluster(
    pair,
    'ms',
    { what: 'forwarded hop', hops, again: hopsAgain, how: hopHow, warmUps: `${hopWarmUps} at home, ${hopWarmUps} forwarded` },
    (cluster) => forwarded(cluster, hops),
    warmUpHops,
  ),
  bare('ms', { what: '100 MB from process to process', pieces: `${pieceBytes / 1_024} KiB` }, pieces),
  memcpy(name, 'ms'),
  onCluster(pair, 'ms', { what: '100 MB from worker to worker', how: objectHow }, toOtherWorker),
  ...['up', 'c1', 'w1', 'w2'].map(idle),
];
