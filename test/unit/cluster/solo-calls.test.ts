/** The client's slots (`solo/calls.ts`). What becomes of its calls: `integration/runtime/solo`, and the simulation. */
import test from 'ava';
import { SoloCalls } from '../../../src/cluster/solo/calls.ts';
import { createSoloMemory, slotState, SoloTable, stageRecalled } from '../../../src/storage/solo/table.ts';
import { appOf, on } from '../actors/scheduler-driver.ts';

const sessions = 32;
const restMs = 5_000;

test('a session that was brought home takes nobody’s place: its slot rests, another is used', (t) => {
  const memory = createSoloMemory(sessions, 1);
  if (!memory) throw new Error('no memory');
  const table = new SoloTable(memory);
  table.setBusy(0, false);
  let nowMs = 1_000;
  const never = () => t.fail();
  const calls = new SoloCalls({
    memory,
    inlineBytesMax: 1_024,
    restMs,
    pauseMax: 0,
    named: never,
    listen: () => ({ attend: () => undefined, stop: () => undefined }),
    nowMs: () => nowMs,
    elapsedMs: () => nowMs,
    random: () => 0,
    recall: () => Promise.resolve(),
    cancel: never,
  });
  calls.allow('app', 1, appOf({ use: [] }, [on('in', 'immediate', null, 'use')]), 1);
  const call = () => {
    const route = calls.routeOf('app');
    return route && calls.call(route, [], null, never);
  };
  const bringHome = (slot: number, generation: number) => {
    table.give(slot, slotState(stageRecalled, 0, 0));
    return calls.reclaim({ session: 's', slot, generation }, () => 1);
  };
  const fill = () => Array.from({ length: sessions }, () => call() ?? never());
  const first = fill();
  t.is(call(), null, 'as many as there may be are out');
  const { slot, generation } = first[0] || never() || { slot: -1, generation: -1 };
  t.truthy(bringHome(slot, generation));
  t.is(bringHome(slot, generation), null, 'once');
  const next = call();
  t.truthy(next);
  t.not(next?.slot, slot);
  t.is(call(), null);
  // All that may rest do.
  for (let i = 0; i < memory.slots - sessions - 1; i++) {
    const { slot: other, generation: its } = first[i + 1] || never() || { slot: -1, generation: -1 };
    t.truthy(bringHome(other, its));
    t.truthy(call());
  }
  const last = next || { slot: -1, generation: -1 };
  t.truthy(bringHome(last.slot, last.generation));
  t.is(call(), null, 'the long way: no slot is left');
  nowMs += restMs;
  t.truthy(call(), 'one has rested');
});
