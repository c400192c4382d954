/** Where a bucket is: it admits objects until its app, or it, is deleted. */
import { setup } from 'xstate';

export type BucketPlace = 'open' | 'closed';

export const bucketMachine = setup({ types: { events: {} as { type: 'close' } } }).createMachine({
  id: 'bucket',
  initial: 'open',
  states: {
    open: { on: { close: 'closed' } },
    closed: { type: 'final' },
  },
});
