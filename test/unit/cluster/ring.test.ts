import test from 'ava';
import fc from 'fast-check';
import { createRingBuffer, RingReader, RingWriter } from '../../../src/cluster/transport/ring.ts';

function ring(capacityBytes: number) {
  const buffer = createRingBuffer(capacityBytes);
  return { writer: new RingWriter(buffer), reader: new RingReader(buffer) };
}

test('ring: frames come out whole, in order, whatever their sizes and however writing and reading interleave', (t) => {
  const frames = fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 60 });
  t.notThrows(() =>
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.boolean()), (sent, turns) => {
        const { writer, reader } = ring(1_024);
        const received: Uint8Array[] = [];
        let next = 0;
        while (received.length < sent.length) {
          if (turns.next().value === true && next < sent.length) {
            if (writer.write(sent[next] as Uint8Array)) next++;
          } else {
            const frame = reader.take();
            if (frame) received.push(frame);
          }
        }
        return reader.isEmpty && sent.every((frame, i) => Buffer.compare(frame, received[i] as Uint8Array) === 0);
      }),
    ),
  );
});

test('ring: frames pass its end thousands of times', (t) => {
  const { writer, reader } = ring(1_024);
  const frame = new Uint8Array(100).fill(7);
  for (let i = 0; i < 60_000; i++) {
    if (!writer.write(frame) || reader.take()?.byteLength !== 100) return t.fail(`frame ${i}`);
  }
  t.true(reader.isEmpty);
});

test('ring: a full ring refuses, and goes on where it stopped', (t) => {
  const { writer, reader } = ring(1_024);
  const frame = Uint8Array.from({ length: 3_000 }, (_, i) => i);
  t.false(writer.write(frame));
  t.is(reader.take(), null);
  t.false(writer.write(frame));
  while (!writer.write(frame)) t.is(reader.take(), null);
  t.deepEqual(reader.take(), frame);
});

test('ring: what was taken is not overwritten by what comes after', (t) => {
  const { writer, reader } = ring(1_024);
  writer.write(new Uint8Array(200).fill(1));
  const first = reader.take();
  for (let i = 0; i < 20; i++) {
    writer.write(new Uint8Array(200).fill(2));
    reader.take();
  }
  t.true(first?.every((byte) => byte === 1));
});
