/** Files of records: parts of them read and written by functions, and whole ones made, sampled and summarized. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Gensort } from './gensort.ts';
import { recordBytes } from './records.ts';
import { type Summary, Valsort } from './valsort.ts';

let buffer = new Uint8Array(0);

/** What a file has from a place on. Valid until the next call. */
export function readPart(path: string, at: number, bytes: number): Uint8Array {
  if (bytes > buffer.length) buffer = new Uint8Array(bytes);
  const part = buffer.subarray(0, bytes);
  const file = openSync(path, 'r');
  try {
    for (let filled = 0; filled < bytes; ) {
      const bytesRead = readSync(file, part, filled, bytes - filled, at + filled);
      if (bytesRead === 0) throw new Error(`${path} has become shorter while it was read: it ends at byte ${at + filled}`);
      filled += bytesRead;
    }
  } finally {
    closeSync(file);
  }
  return part;
}

/** Writes into a file that is there. */
export function writePart(path: string, at: number, part: Uint8Array): void {
  const file = openSync(path, 'r+');
  try {
    for (let written = 0; written < part.length; ) written += writeSync(file, part, written, part.length - written, at + written);
  } finally {
    closeSync(file);
  }
}

/** So many records, from places evenly spread over a file of `records`; all, if it has no more. */
export function readSamples(path: string, records: number, samplesMax: number): Uint8Array {
  const count = Math.min(samplesMax, records);
  const samples = new Uint8Array(count * recordBytes);
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i * records) / count) * recordBytes;
    samples.set(readPart(path, at, recordBytes), i * recordBytes);
  }
  return samples;
}

/** At a time. After them the event loop has its turn. */
const blockRecords = 10_000;

/** Makes a file of so many records. */
export async function generateFile(path: string, gensort: Gensort, records: number): Promise<void> {
  const file = openSync(path, 'w');
  try {
    for (let left = records; left > 0; left -= blockRecords) {
      const block = new Uint8Array(Math.min(left, blockRecords) * recordBytes);
      gensort.fill(block);
      for (let written = 0; written < block.length; ) written += writeSync(file, block, written);
      await setImmediate();
    }
  } finally {
    closeSync(file);
  }
}

/** What valsort says about a file of so many bytes. */
export async function summarizeFile(path: string, sizeBytes: number): Promise<Summary> {
  const valsort = new Valsort();
  const blockBytes = blockRecords * recordBytes;
  for (let at = 0; at < sizeBytes; at += blockBytes) {
    valsort.add(readPart(path, at, Math.min(blockBytes, sizeBytes - at)));
    await setImmediate();
  }
  return valsort.summary();
}
