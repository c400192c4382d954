/**
 * A solo session: what its triggers decide while one executor runs it alone. The same evaluators as in its buckets' actors, in
 * the same order, so that whoever replays its journal comes to the same firings.
 *
 *   S1  One invocation runs at a time, in the order of firing; the next begins when it has returned.
 *   S2  What cannot be decided here (`admit` and `isOver` are false) has changed nothing that the journal does not say.
 */
import type { Ref } from '../../storage/object.ts';
import type { Arrival } from '../bucket/primitives/primitive.ts';
import type { SoloPlan, SoloTrigger } from './plan.ts';

export interface SoloObject {
  readonly bucket: number;
  readonly key: string;
  readonly group: string | null;
  readonly ref: Ref;
}

/** A function that is to run now. */
export interface SoloFiring {
  readonly trigger: SoloTrigger;
  /** Indices of `objects`. */
  readonly inputs: readonly number[];
}

export class SoloSession {
  /** Null: small, and begun with by the only trigger that it was for. Whoever asks for it later asks its home, which has the journal. */
  readonly objects: (SoloObject | null)[] = [];
  outputs = 0;
  superseded = 0;
  tooLate = 0;
  /** Invocations that have begun; the one that runs has this number. */
  begun = 0;
  readonly #plan: SoloPlan;
  /** By trigger index; of those that keep any. */
  #states: Map<number, unknown> | null = null;
  /** The firing that is next, and those behind it. Mostly there are none. */
  #next: SoloFiring | null = null;
  #behind: SoloFiring[] = [];
  #behindHead = 0;
  /** The firing that began last. */
  #last: SoloFiring | null = null;

  constructor(plan: SoloPlan) {
    this.#plan = plan;
  }

  /** How many functions could run now. */
  get due(): number {
    return (this.#next ? 1 : 0) + this.#behind.length - this.#behindHead;
  }

  /** An object was sent; `source` is the invocation that did, 0 for the client. False: its home must decide what that means. */
  admit(object: SoloObject, source: number): boolean {
    const id = this.objects.length;
    this.objects.push(object);
    const bucket = this.#plan.buckets[object.bucket];
    if (!bucket || bucket.isElsewhere) return false;
    const { triggers } = bucket;
    for (let i = 0; i < triggers.length; i++) {
      const trigger = triggers[i] as SoloTrigger;
      if (trigger.fires === 'always' || (trigger.fires === 'key' && trigger.key === object.key)) this.#add({ trigger, inputs: [id] });
      else if (trigger.fires === 'state' && !this.#evaluate(trigger, object, id, source)) return false;
    }
    return true;
  }

  /** The next firing, which begins now; null: nothing is due. */
  begin(): SoloFiring | null {
    const firing = this.#next;
    if (!firing) return null;
    if (this.#last) this.#letGo(this.#last);
    this.#last = firing;
    this.#next = this.#behindHead < this.#behind.length ? (this.#behind[this.#behindHead++] ?? null) : null;
    if (!this.#next && this.#behindHead > 0) {
      this.#behind = [];
      this.#behindHead = 0;
    }
    this.begun++;
    return firing;
  }

  /** What `begin` would give. */
  peek(): SoloFiring | null {
    return this.#next;
  }

  /** Nothing runs and nothing is due. True: the session has ended, and well. False: its home must see what waits. */
  isOver(): boolean {
    for (const [index, state] of this.#states ?? []) {
      const trigger = this.#plan.triggers[index];
      if (!trigger || trigger.isLate) return false;
      if (this.outputs === 0 && trigger.primitive.pending(state, trigger.options) !== null) return false;
    }
    return true;
  }

  /** So that a long chain holds no more than a short one. */
  #letGo({ trigger, inputs: [id = -1] }: SoloFiring): void {
    const isOnly = trigger.fires !== 'state' && this.#plan.buckets[trigger.bucket]?.triggers.length === 1;
    if (isOnly && this.objects[id]?.ref.inline) this.objects[id] = null;
  }

  #add(firing: SoloFiring): void {
    if (this.#next) this.#behind.push(firing);
    else this.#next = firing;
  }

  #evaluate(trigger: SoloTrigger, { key, group, ref }: SoloObject, id: number, source: number): boolean {
    const { primitive, options } = trigger;
    this.#states ??= new Map();
    let state = this.#states.get(trigger.index);
    if (state === undefined) {
      // No built-in primitive of session scope looks at the clock without asking for a timer, which is where this session goes home.
      state = primitive.init(options, 0);
      this.#states.set(trigger.index, state);
    }
    // None looks at the session or the source's name either, but `redundant`, whose apps do not run solo.
    const arrival: Arrival = { id, key, group, session: '', source, sourceFunction: null, sizeBytes: ref.sizeBytes };
    for (const action of primitive.admit(state, arrival, options, 0)) {
      if (action.kind === 'fire') this.#add({ trigger, inputs: action.inputs });
      else if (action.kind !== 'drop') return false;
      else if (action.reason === 'superseded') this.superseded++;
      else if (action.reason === 'late') this.tooLate++;
    }
    return true;
  }
}
