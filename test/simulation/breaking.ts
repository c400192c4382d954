/** Ways to break an actor on purpose, for tests of checkers. */
import type { Effect } from '../../src/actors/actor.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import type { SchedulerState } from '../../src/actors/scheduler/state.ts';
import type { AnyHandler } from './spawn-hook.ts';

/** The same effects, but for some. */
export const dropping =
  (isDropped: (effect: Effect) => boolean) =>
  (handler: AnyHandler): AnyHandler =>
  (state, message, turn) =>
    handler(state, message, turn).filter((effect) => !isDropped(effect));

export const twice =
  (isDoubled: (effect: Effect) => boolean) =>
  (handler: AnyHandler): AnyHandler =>
  (state, message, turn) =>
    handler(state, message, turn).flatMap((effect): Effect[] => (isDoubled(effect) ? [effect, effect] : [effect]));

/** What is sent is something else. */
export const sending =
  (change: (message: Message) => readonly Message[]) =>
  (handler: AnyHandler): AnyHandler =>
  (state, message, turn) =>
    handler(state, message, turn).flatMap((effect): Effect[] =>
      effect.kind === 'send' ? change(effect.message).map((sent) => ({ ...effect, message: sent })) : [effect],
    );

export const doing =
  (change: (state: SchedulerState, message: Message) => readonly Effect[]) =>
  (handler: AnyHandler): AnyHandler =>
  (state, message, turn) => [...change(state, message), ...handler(state, message, turn)];
