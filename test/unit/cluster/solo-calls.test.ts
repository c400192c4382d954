/** The client's slots (`solo/calls.ts`). What becomes of its calls: `integration/runtime/solo`, and the simulation. */
import test from 'ava';
import { type SoloCall, SoloCalls } from '../../../src/cluster/solo/calls.ts';
import { slotState, stageRecalled } from '../../../src/storage/solo/slot-state.ts';
import { createSoloMemory } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';
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
  const opened = (): SoloCall => {
    const made = call();
    if (!made) throw new Error('a call was refused');
    return made;
  };
  const bringHome = ({ slot, generation }: SoloCall) => {
    table.give(slot, slotState(stageRecalled, 0, 0));
    return calls.reclaim({ session: 's', slot, generation }, () => 1);
  };
  const out = Array.from({ length: sessions }, opened);
  t.is(call(), null, 'as many as there may be are out');
  const used = new Set<number>();
  // All that may rest do.
  for (let i = 0; i < memory.slots - sessions; i++) {
    const home = out.shift();
    if (!home) throw new Error('none is out');
    used.add(home.slot);
    t.truthy(bringHome(home));
    t.is(bringHome(home), null, 'once');
    const next = opened();
    t.false(used.has(next.slot), 'its slot rests');
    out.push(next);
    t.is(call(), null, 'no more than before');
  }
  const [last] = out;
  t.truthy(last && bringHome(last));
  t.is(call(), null, 'the long way: no slot is left');
  nowMs += restMs;
  t.truthy(call(), 'one has rested');
});
