/**
 * Drives an evaluator as its home does, in virtual time, and watches it while it runs.
 *
 * After every step: the state is packed, as that of a session that sleeps, and must behave as one that did not (a twin is stepped beside it); every
 * admitted arrival is exactly one of fired, dropped, held and passed over (P2); no action speaks of an arrival twice.
 */
import assert from 'node:assert/strict';
import type { Action, Announcement, Arrival, Primitive } from '../../../src/actors/bucket/primitives/primitive.ts';
import { packing } from '../../../src/cluster/packing.ts';

export type Step =
  | { readonly do: 'admit'; readonly arrival: Partial<Arrival>; readonly afterMs?: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'announce'; readonly announcement: Partial<Announcement> }
  | { readonly do: 'lose'; readonly source: number; readonly cancelled: boolean }
  | { readonly do: 'sourcesDone' }
  | { readonly do: 'flush' };

export interface Firing {
  readonly inputs: readonly number[];
  readonly group?: string | null;
}

export interface DriverOptions {
  readonly nowMs?: number;
  /** Timers come only by `deliverTimers`, however late. */
  readonly withLateTimers?: boolean;
  /** Arrivals that the primitive may pass over. */
  readonly passesOver?: (arrival: Arrival) => boolean;
}

export class Driver<O, S> {
  readonly primitive: Primitive<O, S>;
  readonly options: O;
  readonly fired: Firing[] = [];
  readonly dropped: { input: number; reason: string }[] = [];
  readonly failures: { code: string; message: string }[] = [];
  readonly cancelled: Extract<Action, { kind: 'cancelSources' }>[] = [];
  readonly timers = new Map<string, number>();
  /** When each firing happened. */
  readonly firedAtMs: number[] = [];
  nowMs: number;
  state: S;
  #twin: S;
  #nextId = 1;
  readonly #open = new Set<number>();
  readonly #passedOver = new Set<number>();
  readonly #settings: DriverOptions;

  constructor(primitive: Primitive<O, S>, options: O, settings: DriverOptions = {}) {
    this.primitive = primitive;
    this.options = options;
    this.#settings = settings;
    this.nowMs = settings.nowMs ?? 0;
    this.state = primitive.init(options, this.nowMs);
    this.#twin = primitive.init(options, this.nowMs);
    this.#evaluate((state) => primitive.start?.(state, options, this.nowMs) ?? []);
  }

  step(step: Step): void {
    switch (step.do) {
      case 'admit':
        this.wait(step.afterMs ?? 0);
        this.admit(step.arrival);
        return;
      case 'wait':
        return this.wait(step.ms);
      case 'announce':
        this.announce(step.announcement);
        return;
      case 'lose':
        this.lose(step.source, step.cancelled);
        return;
      case 'sourcesDone':
        this.sourcesDone();
        return;
      case 'flush':
        this.flush();
    }
  }

  run(steps: readonly Step[]): this {
    for (const step of steps) this.step(step);
    return this;
  }

  /** The id that the arrival got. */
  admit(given: Partial<Arrival> = {}): number {
    const arrival: Arrival = {
      id: this.#nextId++,
      key: 'k',
      group: null,
      session: 's',
      source: 0,
      sourceFunction: null,
      sizeBytes: 1,
      ...given,
    };
    this.#open.add(arrival.id);
    if (this.#settings.passesOver?.(arrival)) this.#passedOver.add(arrival.id);
    this.#evaluate((state) => this.primitive.admit(state, arrival, this.options, this.nowMs));
    return arrival.id;
  }

  admitKeys(...keys: string[]): number[] {
    return keys.map((key) => this.admit({ key }));
  }

  /** Lets time pass; timers that become due are called at their time. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (!this.#settings.withLateTimers) {
      const next = [...this.timers].sort(([a, aMs], [b, bMs]) => aMs - bMs || (a < b ? -1 : 1))[0];
      if (!next || next[1] > untilMs) break;
      this.nowMs = Math.max(this.nowMs, next[1]);
      this.callTimer(next[0]);
    }
    this.nowMs = untilMs;
  }

  /** Calls the timers that are due by now. */
  deliverTimers(): void {
    for (const [id, atMs] of this.timers) if (atMs <= this.nowMs) this.callTimer(id);
  }

  /** Whether it is pending or not. */
  callTimer(id: string): void {
    this.timers.delete(id);
    this.#evaluate((state) => this.primitive.timer?.(state, id, this.options, this.nowMs) ?? []);
  }

  announce(given: Partial<Announcement>): string | null {
    const announcement: Announcement = { group: null, keys: null, count: null, by: 0, ...given };
    let refused: string | null = null;
    this.#evaluate((state) => {
      const answer = this.primitive.announce?.(state, announcement, this.options, this.nowMs);
      assert(answer, 'the primitive takes no announcements');
      refused = answer.refused;
      return answer.actions;
    });
    return refused;
  }

  lose(source: number, cancelled = false): void {
    this.#evaluate((state) => this.primitive.sourceLost?.(state, source, cancelled, this.options, this.nowMs) ?? []);
  }

  sourcesDone(): void {
    this.#evaluate((state) => this.primitive.sourcesDone?.(state, this.options, this.nowMs) ?? []);
  }

  flush(): void {
    this.#evaluate((state) => this.primitive.flush?.(state, this.options, this.nowMs) ?? []);
  }

  get held(): readonly number[] {
    return [...this.primitive.forget(this.state)].sort((a, b) => a - b);
  }

  get inputs(): (readonly number[])[] {
    return this.fired.map((firing) => firing.inputs);
  }

  get pending(): ReturnType<Primitive['pending']> {
    return this.primitive.pending(this.state, this.options);
  }

  /** Everything that has come of the steps so far. */
  get outcome(): object {
    const { fired, firedAtMs, dropped, failures, cancelled, held } = this;
    return { fired, firedAtMs, dropped, failures, cancelled, held, timers: [...this.timers] };
  }

  #evaluate(evaluate: (state: S) => readonly Action[]): void {
    const ofTwin = structuredClone(evaluate(this.#twin));
    const actions = structuredClone(evaluate(this.state));
    assert.deepEqual(actions, ofTwin, 'a state that went through CBOR acts as one that did not');
    this.state = packing.unpack(packing.pack([this.state]) ?? '')[0] as S;
    assert.deepEqual(this.state, this.#twin, 'the state is plain data');
    for (const action of actions) this.#take(action);
    this.#checkConservation();
  }

  #take(action: Action): void {
    switch (action.kind) {
      case 'fire': {
        const { kind: _, ...firing } = action;
        for (const id of action.inputs) this.#close(id);
        this.fired.push(firing);
        this.firedAtMs.push(this.nowMs);
        return;
      }
      case 'drop':
        this.#close(action.input);
        this.dropped.push({ input: action.input, reason: action.reason });
        return;
      case 'startTimer':
        this.timers.set(action.id, action.atMs);
        return;
      case 'stopTimer':
        assert(this.timers.delete(action.id) || this.#settings.withLateTimers, `timer ${action.id} was pending when stopped`);
        return;
      case 'cancelSources':
        this.cancelled.push(action);
        return;
      case 'fail':
        this.failures.push({ code: action.code, message: action.message });
    }
  }

  #close(id: number): void {
    assert(this.#open.delete(id), `arrival ${id} was admitted, and has neither fired nor been dropped`);
    assert(!this.#passedOver.has(id), `arrival ${id} is one to pass over`);
  }

  #checkConservation(): void {
    const held = [...this.#open].filter((id) => !this.#passedOver.has(id));
    assert.deepEqual(this.held, held, 'forget lists what has neither fired nor been dropped');
  }
}
