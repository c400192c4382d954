/** Where a coordinator is. */
import { setup } from 'xstate';

export type CoordinatorPlace = 'serving' | 'closed';

export const coordinatorMachine = setup({ types: { events: {} as { type: 'close' } } }).createMachine({
  id: 'coordinator',
  initial: 'serving',
  states: {
    serving: { on: { close: 'closed' } },
    /** It takes nothing more. */
    closed: { type: 'final' },
  },
});
