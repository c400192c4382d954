/**
 * A firing happens once: an arrival is in at most one firing of a trigger, each firing starts exactly one invocation, and an
 * attempt of it starts and ends once, no two at a time.
 */
import type { BucketStepped } from '../../../src/actors/protocol/bucket.ts';
import type { SchedulerState } from '../../../src/actors/scheduler/state.ts';
import type { SessionSummary } from '../../../src/actors/protocol/session.ts';
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

/** A coordinator of a cluster has no scheduler: it is told of firings only. */
type Part = { readonly clock: Pick<World['clock'], 'nowMs'>; readonly scheduler: SchedulerState | null };

export class FiresOnce implements Checker<Part> {
  readonly name = 'fires once';
  readonly #fired = new Set<string>();
  /** Firings by session id and function. */
  readonly #firings = new Map<string, Map<string, number>>();
  /** Sessions that have a home. */
  readonly #known = new Set<string>();
  readonly #running = new Map<number, number>();
  readonly #newest = new Map<number, number>();
  /** Where invocations run that are away. */
  readonly #hosts = new Map<number, string>();
  /** Attempts whose host is gone. What it said before may come later, behind objects that are fetched. */
  readonly #lost = new Set<string>();

  see(event: WorldEvent, world: Part): void {
    if (event.kind === 'left' && event.message.kind === 'lodge') {
      this.#start(event.message.invocation, event.message.attempt);
      this.#hosts.set(event.message.invocation, event.to);
    }
    if (event.kind !== 'handled' || event.host !== 'node') return;
    const { to, message } = event;
    if (message.kind === 'bucketStepped') this.#step(to, message, world);
    // Without its inputs it fails at once.
    if (message.kind === 'startSession' && message.firing && !message.failure) this.#count(message.spec.id, message.firing.function);
    if (message.kind === 'startSession') this.#known.add(message.spec.id);
    if (message.kind === 'adoptSession') this.#known.add(message.session);
    if (message.kind === 'soloAdopted') this.#start(message.invocation, message.attempt);
    if (message.kind === 'invoke') this.#start(message.run.invocation, message.run.attempt);
    if (message.kind === 'workerGone') this.#lose(message.worker);
    const isLate = message.kind === 'lodgerEnded' && this.#lost.delete(`${message.invocation}.${message.attempt}`);
    const isEnd = message.kind === 'attemptEnded' || (message.kind === 'lodgerEnded' && !isLate);
    if (isEnd) this.#end(message.invocation, message.attempt);
    // It had not begun: the next one has its number.
    if (isEnd && message.outcome.kind === 'refused') this.#newest.set(message.invocation, message.attempt - 1);
    // One that ran solo to its end has fired where nobody sees it: the reference counts those.
    if (message.kind === 'sessionClosed' && this.#known.delete(message.summary.id)) this.#compare(message.summary);
  }

  #step(home: string, { app, bucket, session, firings }: BucketStepped, world: Part): void {
    const row = home === 'scheduler' ? world.scheduler?.sessions.get(session) : undefined;
    for (const { name, function: fn, inputs } of firings) {
      for (const input of inputs) {
        const id = `${home} ${app}/${bucket}/${name} ${session} ${input}`;
        insist(!this.#fired.has(id), this, () => `trigger ${name} of ${app}/${bucket} fires object ${input} of session ${session} again`);
        this.#fired.add(id);
      }
      if (row) this.#count(row.spec.id, fn);
    }
  }

  #count(session: string, fn: string): void {
    const counts = this.#firings.get(session) ?? new Map<string, number>();
    counts.set(fn, (counts.get(fn) ?? 0) + 1);
    this.#firings.set(session, counts);
  }

  #start(invocation: number, attempt: number): void {
    insist(
      !this.#running.has(invocation),
      this,
      () => `attempt ${attempt} of invocation ${invocation} starts beside attempt ${this.#running.get(invocation)}`,
    );
    insist(
      attempt === (this.#newest.get(invocation) ?? 0) + 1,
      this,
      () => `attempt ${attempt} of invocation ${invocation} follows ${this.#newest.get(invocation)}`,
    );
    this.#running.set(invocation, attempt);
    this.#newest.set(invocation, attempt);
  }

  #end(invocation: number, attempt: number): void {
    insist(
      this.#running.get(invocation) === attempt,
      this,
      () => `attempt ${attempt} of invocation ${invocation} ends, but ${this.#running.get(invocation)} runs`,
    );
    this.#running.delete(invocation);
    this.#hosts.delete(invocation);
  }

  #lose(worker: string): void {
    for (const [invocation, host] of this.#hosts) {
      if (host !== worker) continue;
      this.#lost.add(`${invocation}.${this.#running.get(invocation)}`);
      this.#running.delete(invocation);
      this.#hosts.delete(invocation);
    }
  }

  #compare({ id, error, history }: SessionSummary): void {
    const firings = this.#firings.get(id) ?? new Map<string, number>();
    this.#firings.delete(id);
    // The firing that is one too many has no invocation.
    if (error?.code === 'InvocationsExceeded') return;
    const made = new Map(history.functions.map((fn) => [fn.function, fn.invocations]));
    for (const fn of new Set([...made.keys(), ...firings.keys()])) {
      insist(
        made.get(fn) === firings.get(fn),
        this,
        () => `session ${id} had ${firings.get(fn) ?? 0} firings of ${fn}, and ${made.get(fn) ?? 0} invocations`,
      );
    }
  }

  end(world: Part): void {
    const [left] = this.#running;
    insist(!left, this, () => `attempt ${left?.[1]} of invocation ${left?.[0]} was never ended (at ${world.clock.nowMs})`);
  }
}
