/** Files of records: read from the start to the end, sampled, written. What is read is at once no more than some blocks, however large the file is. */
import { type FileHandle, open } from 'node:fs/promises';
import { type Gensort } from './gensort.ts';
import { recordBytes } from './records.ts';
import { type Summary, Valsort } from './valsort.ts';

const summaryBlockBytes = 20_000 * recordBytes;

/** The records of a file in blocks of so many bytes, the last of which may have less. None is used again for another. */
export async function* readBlocks(file: FileHandle, sizeBytes: number, blockBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; at += blockBytes) yield readAt(file, at, Math.min(blockBytes, sizeBytes - at));
}

/** So many records, from places evenly spread over the file; all, if it has no more. */
export async function readSamples(file: FileHandle, sizeBytes: number, samplesMax: number): Promise<Uint8Array> {
  const records = sizeBytes / recordBytes;
  const count = Math.min(samplesMax, records);
  const samples = Buffer.alloc(count * recordBytes);
  for (let i = 0; i < count; i++) {
    const record = Math.floor((i * records) / count);
    samples.set(await readAt(file, record * recordBytes, recordBytes), i * recordBytes);
  }
  return samples;
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Uint8Array> {
  const block = Buffer.allocUnsafeSlow(bytes);
  for (let filled = 0; filled < bytes; ) {
    const { bytesRead } = await file.read(block, filled, bytes - filled, at + filled);
    if (bytesRead === 0) throw new Error(`the file has become shorter while it was read: it ends at byte ${at + filled}`);
    filled += bytesRead;
  }
  return block;
}

/** Writes blocks one behind the other: each while the next is being made. */
export class BlockWriter {
  readonly #file: FileHandle;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Resolves when the block before is written. */
  async write(block: Uint8Array): Promise<void> {
    await this.#writing;
    this.#writing = this.#file.appendFile(block);
    this.#writing.catch(() => undefined);
  }

  /** Resolves when all are written. */
  async end(): Promise<void> {
    await this.#writing;
  }
}

/** Writes so many generated records. */
export async function generateFile(path: string, gensort: Gensort, records: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    const writer = new BlockWriter(file);
    for (let left = records * recordBytes; left > 0; left -= summaryBlockBytes) {
      const block = new Uint8Array(Math.min(left, summaryBlockBytes));
      gensort.fill(block);
      await writer.write(block);
    }
    await writer.end();
  } finally {
    await file.close();
  }
}

/** What valsort says about a file. */
export async function summarizeFile(path: string): Promise<Summary> {
  const file = await open(path, 'r');
  try {
    const valsort = new Valsort();
    const { size } = await file.stat();
    for await (const block of readBlocks(file, size, summaryBlockBytes)) valsort.add(block);
    return valsort.summary();
  } finally {
    await file.close();
  }
}
