/** What a link hands to its port (`transport/port-link.ts`). What comes of it: `conformance/transport.test.ts`. */
import test from 'ava';
import { createLinkCounters, PortLink } from '../../../src/cluster/transport/port-link.ts';
import { decodeThreadFrame } from '../../../src/cluster/wire/thread-frame.ts';

function openLink() {
  const posted: unknown[][] = [];
  const port = { postMessage: (...args: unknown[]) => void posted.push(args), on: () => undefined };
  return { link: new PortLink(port, createLinkCounters(), 0), posted };
}

test('port link: L1: what waits leaves in its order, as one frame', (t) => {
  const { link, posted } = openLink();
  for (let install = 0; install < 3; install++) link.send('scheduler', { kind: 'graceOver', invocation: install, attempt: 1 });
  t.deepEqual(posted, []);
  link.flush();
  link.flush();
  t.is(posted.length, 1);
  const envelopes = decodeThreadFrame(posted[0]?.[0] as Uint8Array);
  t.deepEqual(
    envelopes.map(({ message }) => (message as { invocation: number }).invocation),
    [0, 1, 2],
  );
});

test('port link: L3: no frame is handed over, and none takes more memory with it than its own', (t) => {
  const { link, posted } = openLink();
  for (const sizeBytes of [1, 1_000, 100_000, 5_000_000]) {
    const inline = new Uint8Array(sizeBytes);
    link.send('scheduler', {
      kind: 'objectSent',
      ...{ invocation: 1, attempt: 1, bucket: 0, key: 'k', ordinal: 0, group: null, delayMs: 0 },
      ref: { encoding: 1, sizeBytes, inline, offset: -1 },
    });
    link.flush();
  }
  t.is(posted.length, 4);
  for (const [frame, ...more] of posted as [Uint8Array, ...unknown[]][]) {
    t.deepEqual(more, []);
    // All of the buffer is copied, whatever the array shows of it.
    t.is(frame.buffer.byteLength, frame.byteLength);
  }
});
