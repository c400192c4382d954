/** A process that asks `malloc` for large blocks and frees them, again and again; prints the pages that had to be faulted in for each time. */
import koffi from 'koffi';
import { FrameCollector } from '../../../src/cluster/frame-collect.ts';

const blockBytes = 2 ** 20;
const blocks = 16;

const library = koffi.load(null);
const malloc = library.func('uintptr_t malloc(size_t sizeBytes)');
const memset = library.func('uintptr_t memset(uintptr_t block, int byte, size_t sizeBytes)');
const free = library.func('void free(uintptr_t block)');

function faults(): number {
  const before = process.resourceUsage().minorPageFault;
  const taken = Array.from({ length: blocks }, () => memset(malloc(blockBytes), 1, blockBytes));
  for (const block of taken) free(block);
  return process.resourceUsage().minorPageFault - before;
}

const times = Array.from({ length: 4 });
const before = times.map(faults);
new FrameCollector().noteCopied(blocks * blockBytes);
const after = times.map(faults);
process.stdout.write(JSON.stringify({ before: before.at(-1), after: after.at(-1) }));
