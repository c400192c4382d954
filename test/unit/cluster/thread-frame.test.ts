/** Frames between threads say what frames of CBOR would. */
import test from 'ava';
import fc from 'fast-check';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { decodeFrame, encodeFrame, type Envelope } from '../../../src/cluster/wire/codec.ts';
import { decodeThreadFrame, encodeThreadFrame } from '../../../src/cluster/wire/thread-frame.ts';

const number = fc.oneof(fc.nat(1_000), fc.maxSafeNat());
const text = fc.oneof(
  fc.constantFrom('', 'k', 'ключ', '🗝', 'a'.repeat(64), 'a'.repeat(65), 'é'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
const group = fc.option(text, { nil: null });
const ref = fc.oneof(
  fc.uint8Array({ maxLength: 1_024 }).map((inline) => ({ encoding: 1, sizeBytes: inline.byteLength, inline, offset: -1 })),
  fc.record({ encoding: fc.nat(11), sizeBytes: number, inline: fc.constant(null), offset: number }),
  fc.record({
    encoding: fc.nat(11),
    sizeBytes: number,
    inline: fc.constant(null),
    offset: fc.constant(-1),
    remote: fc.record({ node: text, incarnation: number, offset: number, serial: number }),
  }),
);
const input = fc.record({ key: text, group, session: text, ref });
const named = { invocation: number, attempt: number };
const message = fc.oneof(
  fc.record({
    kind: fc.constant('run'),
    ...named,
    app: text,
    revision: number,
    function: number,
    session: text,
    inputs: fc.array(input, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('objectSent'), ...named, bucket: number, key: text, ordinal: number, group, delayMs: number, ref }),
  fc.record({ kind: fc.constant('outputSent'), ...named, ordinal: number, ref }),
  fc.record({
    kind: fc.constant('attemptDone'),
    ...named,
    objects: number,
    outputs: number,
    error: fc.constantFrom(null, { code: 'FunctionFailed', message: 'no', retryable: false, detail: {} }),
  }),
  fc.record({ kind: fc.constant('objectsAsked'), ...named, request: number, bucket: number, key: group }),
  fc.record({ kind: fc.constant('blocksGranted'), request: number, sizeBytes: number, offsets: fc.array(number) }),
);
const envelopes = fc.array(fc.record({ to: fc.constantFrom('scheduler', 'executor:1', 'thread:2'), message }), { maxLength: 40 });

test('thread frames: what is read is what was written, as by CBOR', (t) => {
  fc.assert(
    fc.property(envelopes, (generated) => {
      const written = generated as unknown as readonly Envelope[];
      t.deepEqual(decodeThreadFrame(encodeThreadFrame(written)), decodeFrame(encodeFrame(written)));
    }),
  );
});

test('thread frames: bytes are copied, also small ones', (t) => {
  for (const sizeBytes of [1, 64, 65, 1_024, 5_000]) {
    const inline = new Uint8Array(sizeBytes).fill(7);
    const sent: Message = {
      kind: 'outputSent',
      invocation: 1,
      attempt: 1,
      ordinal: 1,
      ref: { encoding: 0, sizeBytes, inline, offset: -1 },
    };
    const frame = encodeThreadFrame([{ to: 'scheduler', message: sent }]);
    inline.fill(8);
    const [envelope] = decodeThreadFrame(frame);
    frame.fill(9);
    const expected = new Uint8Array(sizeBytes).fill(7);
    t.deepEqual((envelope!.message as typeof sent).ref.inline, expected, `${sizeBytes} bytes`);
  }
});

test('thread frames: one of many large objects', (t) => {
  const inline = new Uint8Array(1_024).fill(3);
  const object = { key: 'k', group: null, session: 's', ref: { encoding: 0, sizeBytes: 1_024, inline, offset: -1 } };
  const inputs = Array.from({ length: 5_000 }, () => object);
  const message: Message = { kind: 'run', invocation: 1, attempt: 1, app: 'a', revision: 1, function: 0, session: 's', inputs };
  for (let round = 0; round < 2; round++) {
    const [envelope] = decodeThreadFrame(encodeThreadFrame([{ to: 'thread:0', message }]));
    t.is((envelope!.message as typeof message).inputs.length, 5_000);
    t.deepEqual((envelope!.message as typeof message).inputs[4_999], object);
  }
});
