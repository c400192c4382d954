/**
 * An app that runs random programs, under many names: a runtime that had to bring an app's sessions home gives it a rest, and each
 * name has its own.
 */
import { bucket, byBatchSize, byName, bySet, type Context, defineApp, dynamicGroup, fn, immediate, type Input, type } from 'pheromone';
import { gatherKeys, makeProgram, type Node, setKeys, type Target } from './solo-program.ts';

const module = import.meta.url;

/** A node of a program. */
export interface Step {
  readonly seed: number;
  readonly node: number;
  readonly pad: string;
}

export interface Result {
  readonly session: string;
  /** Who gave it, and what it got. */
  readonly told: string;
  /** Whether it ran on its executor alone. */
  readonly solo: boolean;
}

const steps = { value: type<Step>() };
const work = bucket('work', steps);
const far = bucket('far', steps);
const named = bucket('named', steps);
const set = bucket('set', steps);
const gather = bucket('gather', steps);
const batch = bucket('batch', steps);
const groups = bucket('groups', steps);
const tail = bucket('tail', { value: type<string>() });
const targets: Readonly<Record<Target, typeof work>> = { work, far, named, set, gather, batch, groups } as never;

const programs = new Map<number, readonly Node[]>();

function programOf(seed: number): readonly Node[] {
  let program = programs.get(seed);
  if (!program) programs.set(seed, (program = makeProgram(seed)));
  return program;
}

function padOf(node: Node, index: number): string {
  return String.fromCharCode(97 + (index % 26)).repeat(node.pad);
}

export function stepOf(seed: number, index: number): Step {
  return { seed, node: index, pad: padOf(programOf(seed)[index] as Node, index) };
}

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Says so if an input is not what was sent. */
function check(inputs: readonly Input<Step>[]): void {
  for (const { key, group, value } of inputs) {
    const node = programOf(value.seed)[value.node] as Node;
    const isGood = value.pad === padOf(node, value.node) && group === node.group && (node.key === null || key === node.key);
    if (!isGood) throw new Error(`node ${value.node} of program ${value.seed} came as ${key}, ${group}, with ${value.pad.slice(0, 20)}…`);
  }
}

/** Does what the first input says: at once, if there is nothing to wait for. */
function act(inputs: readonly Input<Step>[], ctx: Context<typeof work, Result>): Promise<void> | undefined {
  check(inputs);
  const { seed, node: index } = (inputs[0] as Input<Step>).value;
  const node = programOf(seed)[index] as Node;
  if (node.asks || (node.pause && !node.pause.spins)) return actLater(inputs, node, seed, ctx);
  for (let i = 0; i <= node.sends.length; i++) {
    if (node.pause?.at === i) spin(node.pause.ms);
    sendNext(node, i, seed, ctx);
  }
  finish(inputs, node, ctx);
  return undefined;
}

async function actLater(inputs: readonly Input<Step>[], node: Node, seed: number, ctx: Context<typeof work, Result>): Promise<void> {
  if (node.asks && (await ctx.get(work, 'there is none'))) throw new Error('there is one');
  for (let i = 0; i <= node.sends.length; i++) {
    if (node.pause?.at === i && node.pause.spins) spin(node.pause.ms);
    else if (node.pause?.at === i) await new Promise((resolve) => setTimeout(resolve, node.pause?.ms));
    sendNext(node, i, seed, ctx);
  }
  finish(inputs, node, ctx);
}

function sendNext({ sends }: Node, i: number, seed: number, ctx: Context<typeof work, Result>): void {
  const index = sends[i];
  if (index === undefined) return;
  const { bucket: to, key, group, delayMs } = programOf(seed)[index] as Node;
  // What the runtime does not take at once it takes later: the promise is its own to await.
  void ctx.send(targets[to], { value: stepOf(seed, index), delayMs, ...(key !== null && { key }), ...(group !== null && { group }) });
}

function finish(inputs: readonly Input<Step>[], { outputs }: Node, ctx: Context<typeof work, Result>): void {
  if (!outputs) return;
  const told = inputs.map(({ key, group, value }) => `${value.node} as ${key} in ${group}`).join(', ');
  void ctx.output({ session: ctx.session, told, solo: isSolo() });
}

/** By who has called us, if that was at once. */
function isSolo(): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  const { stack = '' } = new Error('where?');
  Error.stackTraceLimit = stackTraceLimit;
  return /solo\/runner|SoloRunner/.test(stack);
}

const sends = [work, far, named, set, gather, batch, groups];
const output = type<Result>();
const step = fn('step', { input: work, sends, output }, (input, ctx) => act([input], ctx));
const away = fn('away', { input: far, sends, output, placement: 'spread' }, (input, ctx) => act([input], ctx));
const chosen = fn('chosen', { input: named, sends, output }, (input, ctx) => act([input], ctx));
const joined = fn('joined', { inputs: set, sends, output }, act);
const gathered = fn('gathered', { inputs: gather, sends, output }, act);
const batched = fn('batched', { inputs: batch, sends: [] }, (inputs) => check(inputs));
const grouped = fn('grouped', { inputs: groups, sends: [tail] }, (inputs, ctx) => {
  check(inputs);
  void ctx.send(tail, { value: `${inputs[0]?.group}: ${inputs.length}` });
});
const last = fn('last', { input: tail, sends: [] }, ({ value }) => {
  if (!value.includes(':')) throw new Error(value);
});

const sources = [step, away, chosen, joined, gathered];
const triggers = [
  work.on(immediate(), step),
  far.on(immediate(), away),
  named.on(byName({ key: 'go' }), chosen),
  set.on(bySet({ keys: setKeys }), joined),
  gather.on(bySet({ keys: gatherKeys }), gathered),
  batch.on(byBatchSize({ count: 3, scope: 'session', flushAtEnd: false }), batched),
  groups.on(dynamicGroup({ sources }), grouped),
  tail.on(immediate(), last),
];

export const programApps = Array.from({ length: 16 }, (_, i) => defineApp(`program-${i}`, { module, triggers }));
/** An executor finds an app among its module's exports. */
export const [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15] = programApps;
