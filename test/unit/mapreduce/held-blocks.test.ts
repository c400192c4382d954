/** Blocks that wait to be reduced, in memory and in a file. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import { HeldBlocks } from '../../../src/mapreduce/held-blocks.ts';

const added = fc.array(fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 40 })), { maxLength: 60 });

test('held blocks: each partition gets its own back, in order, whatever of them was written to the file', async (t) => {
  await fc.assert(
    fc.asyncProperty(added, fc.nat(200), async (blocks, memoryBytesMax) => {
      const held = new HeldBlocks(memoryBytesMax);
      try {
        for (const [partition, block] of blocks) await held.add(partition, block);
        t.deepEqual(
          held.partitions,
          [0, 1, 2, 3].filter((partition) => blocks.some(([other]) => other === partition)),
        );
        for (const partition of held.partitions) {
          const expected = blocks.filter(([other]) => other === partition).map(([, block]) => block);
          t.is(
            held.sizeOf(partition),
            expected.reduce((sum, { length }) => sum + length, 0),
          );
          t.deepEqual(await held.take(partition), expected);
          t.is(held.sizeOf(partition), 0);
        }
        t.deepEqual(held.partitions, []);
      } finally {
        await held.close();
      }
    }),
  );
});

test('held blocks: more than a thousand small ones are written and read', async (t) => {
  const held = new HeldBlocks(5_000);
  for (let i = 0; i < 6_000; i++) await held.add(0, Uint8Array.of(i % 251));
  const blocks = await held.take(0);
  t.is(blocks.length, 6_000);
  t.true(blocks.every((block, i) => block.length === 1 && block[0] === i % 251));
  await held.close();
});

test('held blocks: the file has no name while it is used', async (t) => {
  const filesBefore = new Set(readdirSync(tmpdir()));
  const held = new HeldBlocks(0);
  await held.add(0, new Uint8Array(1_000));
  const left = readdirSync(tmpdir()).filter((name) => !filesBefore.has(name) && /^pheromone-[0-9a-f]{8}-/.test(name));
  t.deepEqual(left, []);
  await held.close();
});
