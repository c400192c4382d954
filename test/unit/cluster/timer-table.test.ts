/** The timers of a host's actors (`cluster/timer-table.ts`). */
import test from 'ava';
import { TimerTable } from '../../../src/cluster/timer-table.ts';
import { ManualTimers } from '../storage/manual-timers.ts';

test('timers: of a host that is no more none is left, and none begins', (t) => {
  const timers = new ManualTimers();
  const table = new TimerTable(timers, () => t.fail('nobody is there any more'));
  table.start('scheduler', 'deadline/1', 900_000, { kind: 'deadlineReached' });
  table.start('bucket:app/in', 'window', 1_000, { kind: 'deadlineReached' });
  t.is(timers.pending, 2);
  table.close();
  table.start('scheduler', 'deadline/2', 900_000, { kind: 'deadlineReached' });
  t.is(timers.pending, 0);
  t.is(table.size, 0);
});
