import fs from 'node:fs';
import os from 'node:os';
import test from 'ava';
import type { Segment } from '../../../src/storage/segment.ts';
import { createSegment, defaultArenaBytes, openSegment, segmentBytesMax } from '../../../src/storage/segment.ts';

const mebibyte = 2 ** 20;
const onLinux = process.platform === 'linux' ? test : test.skip;

function descriptorOf(segment: Segment): number {
  if (segment.handle.kind !== 'mapped') throw new Error(`not mapped: ${segment.fallbackReason}`);
  return segment.handle.fd;
}

/** What the segment takes of the system's memory. */
function residentBytes(segment: Segment): number {
  return fs.fstatSync(descriptorOf(segment)).blocks * 512;
}

onLinux('segment: is mapped memory without a file, closed on exec, sealed against shrinking', (t) => {
  const segment = createSegment({ sizeBytes: mebibyte });
  const fd = descriptorOf(segment);
  t.is(segment.fallbackReason, null);
  t.is(segment.bytes.length, mebibyte);
  t.is(fs.readlinkSync(`/proc/self/fd/${fd}`), '/memfd:pheromone (deleted)');
  t.regex(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), /flags:\s+02\d*/, 'O_CLOEXEC');
  t.throws(() => fs.ftruncateSync(fd, 0), { code: 'EPERM' });
  for (const directory of ['/dev/shm', os.tmpdir()])
    t.deepEqual(
      fs.readdirSync(directory).filter((name) => name.includes('memfd')),
      [],
    );
  segment.close();
});

onLinux('segment: two views of one handle are the same bytes', (t) => {
  const segment = createSegment({ sizeBytes: mebibyte });
  const other = openSegment(structuredClone(segment.handle));
  other.bytes[mebibyte - 1] = 7;
  t.is(segment.bytes[mebibyte - 1], 7);
  segment.close();
});

onLinux(
  'segment: takes no memory until it is touched, faults in what it is told to, and gives the whole pages inside a range back',
  async (t) => {
    const segment = createSegment({ sizeBytes: 64 * mebibyte });
    t.is(residentBytes(segment), 0);
    await segment.populate(mebibyte + 5, 9 * mebibyte);
    const populated = residentBytes(segment);
    t.true(populated === 0 || (populated >= 9 * mebibyte && populated <= 10 * mebibyte), `${populated}`);
    segment.bytes.fill(1, 0, 16 * mebibyte);
    t.is(residentBytes(segment), 16 * mebibyte);
    segment.giveBack(mebibyte - 1, 2 * mebibyte + 2);
    t.is(residentBytes(segment), 14 * mebibyte);
    t.is(segment.bytes[mebibyte - 1], 1);
    t.is(segment.bytes[mebibyte], 0);
    t.is(segment.bytes[3 * mebibyte - 1], 0);
    t.is(segment.bytes[3 * mebibyte], 1);
    segment.giveBack(5, 100);
    t.is(segment.bytes[50], 1, 'no whole page lies inside');
    segment.close();
  },
);

onLinux('segment: populating never reaches beyond the end', async (t) => {
  const segment = createSegment({ sizeBytes: mebibyte });
  await t.notThrowsAsync(segment.populate(0, 100 * mebibyte));
  segment.close();
});

onLinux('segment: after closing, late touches read zeros and end nothing, and the memory is free', async (t) => {
  const segment = createSegment({ sizeBytes: 8 * mebibyte });
  const fd = descriptorOf(segment);
  const late = segment.bytes;
  late.fill(1);
  segment.close();
  t.is(segment.bytes.length, 0);
  t.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
  t.is(late[0], 0);
  t.is(late[8 * mebibyte - 1], 0);
  late[5] = 1;
  segment.giveBack(0, mebibyte);
  await segment.populate(0, mebibyte);
  segment.close();
  t.pass();
});

onLinux('segment: a closed segment’s addresses are not used again by the next', (t) => {
  const first = createSegment({ sizeBytes: 8 * mebibyte });
  const late = first.bytes;
  first.close();
  const second = createSegment({ sizeBytes: 8 * mebibyte });
  second.bytes.fill(9);
  t.is(late[0], 0);
  second.close();
});

test('segment: holds up to 4 GiB less a page, and refuses sizes that cannot be', (t) => {
  const segment = createSegment({ sizeBytes: segmentBytesMax });
  segment.bytes[segmentBytesMax - 1] = 3;
  t.is(segment.bytes[segmentBytesMax - 1], 3);
  segment.close();
  for (const sizeBytes of [0, 63, -1, segmentBytesMax + 64, Number.NaN, Infinity]) {
    t.throws(() => createSegment({ sizeBytes }), { instanceOf: RangeError });
  }
});

test('segment: without mapped memory it is a SharedArrayBuffer of the same interface, and says why', async (t) => {
  const segment = createSegment({ sizeBytes: mebibyte, mapped: false });
  t.is(segment.fallbackReason, 'not asked to map memory');
  t.true(segment.bytes.buffer instanceof SharedArrayBuffer);
  const other = openSegment(segment.handle);
  other.bytes[5] = 7;
  t.is(segment.bytes[5], 7);
  await segment.populate(0, mebibyte);
  segment.giveBack(0, mebibyte);
  t.is(segment.bytes[5], 7);
  segment.close();
  t.is(segment.bytes.length, 0);
});

test('segment: the default size is at most 1 GiB and a quarter of the memory, in whole blocks', (t) => {
  const bytes = defaultArenaBytes();
  t.true(bytes > 0 && bytes <= 2 ** 30 && bytes <= os.totalmem() / 4);
  t.is(bytes % 64, 0);
});
