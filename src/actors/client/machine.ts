/** Where a client is. */
import { setup } from 'xstate';

export type ClientPlace = 'open' | 'closing' | 'closed';

export type ClientEvent = { type: 'drain' } | { type: 'close' };

export const clientMachine = setup({ types: { events: {} as ClientEvent } }).createMachine({
  id: 'client',
  initial: 'open',
  states: {
    open: { on: { drain: 'closing', close: 'closed' } },
    /** No more intake; open sessions may still end. */
    closing: { on: { close: 'closed' } },
    closed: { type: 'final' },
  },
});
