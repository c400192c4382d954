/** Where a scheduler is: it takes sessions until it is told to stop, and has stopped when its last executor is gone. */
import { setup } from 'xstate';

export type SchedulerPlace = 'starting' | 'serving' | 'stopping' | 'stopped';

export type SchedulerEvent = { type: 'serve' } | { type: 'stop' } | { type: 'empty' };

export const schedulerMachine = setup({ types: { events: {} as SchedulerEvent } }).createMachine({
  id: 'scheduler',
  initial: 'starting',
  states: {
    starting: { on: { serve: 'serving', stop: 'stopping' } },
    serving: { on: { stop: 'stopping' } },
    /** No new session; its executors are ending. */
    stopping: { on: { empty: 'stopped' } },
    stopped: { type: 'final' },
  },
});
