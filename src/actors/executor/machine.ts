/** Where an executor's life is. One actor keeps one thread, from its start to its exit; a new thread is a new executor. */
import { setup } from 'xstate';

export type ExecutorPlace = 'starting' | 'ready' | 'condemned' | 'gone';

export type ExecutorEvent = { type: 'ready' } | { type: 'condemn' } | { type: 'exit' };

export const executorMachine = setup({ types: { events: {} as ExecutorEvent } }).createMachine({
  id: 'executor',
  initial: 'starting',
  states: {
    starting: { on: { ready: 'ready', condemn: 'condemned', exit: 'gone' } },
    ready: { on: { condemn: 'condemned', exit: 'gone' } },
    /** Its thread has been told to end, and will. */
    condemned: { on: { exit: 'gone' } },
    gone: { type: 'final' },
  },
});
