/** What a call resolves with (`replies.ts`). */
import test from 'ava';
import { outcomeOf } from '../../../src/api/replies.ts';
import { encodeValue } from '../../../src/storage/value.ts';

function replyOf(inline: Uint8Array) {
  const { encoding } = encodeValue(inline);
  const ref = { encoding, sizeBytes: inline.byteLength, inline, offset: -1 };
  return { kind: 'outputsReady', request: 1, session: 's', outputs: [ref] } as const;
}

test('an output that others may ask for as well is given as a copy', (t) => {
  const inline = new Uint8Array([1, 2, 3]);
  const first = outcomeOf(replyOf(inline), 'output') as Uint8Array;
  first[0] = 9;
  t.deepEqual(outcomeOf(replyOf(inline), 'end'), [new Uint8Array([1, 2, 3])]);
});

test('the only one who is given an output gets it without another copy', (t) => {
  const inline = new Uint8Array([1, 2, 3]);
  const value = outcomeOf(replyOf(inline), 'output', true) as Uint8Array;
  t.is(value.buffer, inline.buffer);
});

test('what lies beside other memory is copied in any case: nobody sees that through its buffer', (t) => {
  const inline = new Uint8Array([0, 1, 2, 3, 0]).subarray(1, 4);
  const value = outcomeOf(replyOf(inline), 'output', true) as Uint8Array;
  t.deepEqual(value, new Uint8Array([1, 2, 3]));
  t.is(value.buffer.byteLength, 3);
});
