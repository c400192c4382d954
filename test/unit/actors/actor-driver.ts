/** Steps one actor as its host does: the row of the table that its chart is in, and what it becomes. */
import { type AnyActor, type AnyStateMachine, createActor } from 'xstate';
import type { Effect, Turn } from '../../../src/actors/actor.ts';

type Handlers = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export class ActorDriver<M extends { readonly kind: string }, S = unknown> {
  nowMs = 1_000_000;
  readonly state: S;
  readonly #chart: AnyActor;
  readonly #handlers: Handlers;

  constructor(machine: AnyStateMachine, handlers: Handlers, state: S) {
    this.#chart = createActor(machine).start();
    this.#handlers = handlers;
    this.state = state;
  }

  get place(): string {
    return String((this.#chart.getSnapshot() as { readonly value: unknown }).value);
  }

  tell(message: M): readonly Effect[] {
    const handler = this.#handlers[this.place]?.[message.kind] as (state: S, message: M, turn: Turn) => readonly Effect[];
    const effects = handler(this.state, message, { nowMs: this.nowMs, random: () => 0.5 });
    for (const effect of effects) if (effect.kind === 'become') this.#chart.send({ type: effect.event });
    return effects;
  }
}
