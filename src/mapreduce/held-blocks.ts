/**
 * Blocks between map and reduce that are not in the store: in this process's memory, and beyond a limit in a file.
 *
 *   H1  The blocks of a partition are given back as they were added, in their order.
 *   H2  The file has no name from the start: nothing is left of it, however the process ends.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Blocks that lie one behind the other in the file. */
interface Stretch {
  readonly offset: number;
  readonly sizes: readonly number[];
}

interface Partition {
  sizeBytes: number;
  /** Older than those in memory. */
  readonly stretches: Stretch[];
  blocks: Uint8Array[];
}

export class HeldBlocks {
  readonly #memoryBytesMax: number;
  readonly #partitions = new Map<number, Partition>();
  #memoryBytes = 0;
  #file: FileHandle | null = null;
  #fileBytes = 0;

  constructor(memoryBytesMax: number) {
    this.#memoryBytesMax = memoryBytesMax;
  }

  /** Those that have blocks, ascending. */
  get partitions(): number[] {
    return [...this.#partitions.keys()].sort((a, b) => a - b);
  }

  sizeOf(partition: number): number {
    return this.#partitions.get(partition)?.sizeBytes ?? 0;
  }

  /** Rejects with the system's error when the file cannot be written. Not to be called again before it has resolved. */
  async add(partition: number, block: Uint8Array): Promise<void> {
    let held = this.#partitions.get(partition);
    if (!held) this.#partitions.set(partition, (held = { sizeBytes: 0, stretches: [], blocks: [] }));
    held.blocks.push(block);
    held.sizeBytes += block.length;
    this.#memoryBytes += block.length;
    if (this.#memoryBytes > this.#memoryBytesMax) await this.#writeAll();
  }

  /** All blocks of a partition, which has none then. */
  async take(partition: number): Promise<Uint8Array[]> {
    const held = this.#partitions.get(partition);
    if (!held) return [];
    this.#partitions.delete(partition);
    for (const { length } of held.blocks) this.#memoryBytes -= length;
    const written: Uint8Array[] = [];
    for (const stretch of held.stretches) written.push(...(await this.#read(stretch)));
    return [...written, ...held.blocks];
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    this.#partitions.clear();
  }

  async #writeAll(): Promise<void> {
    const file = (this.#file ??= await openUnnamed());
    for (const held of this.#partitions.values()) {
      if (held.blocks.length === 0) continue;
      const sizes = held.blocks.map(({ length }) => length);
      await writeFully(file, held.blocks, this.#fileBytes);
      held.stretches.push({ offset: this.#fileBytes, sizes });
      held.blocks = [];
      this.#fileBytes += sum(sizes);
    }
    this.#memoryBytes = 0;
  }

  async #read({ offset, sizes }: Stretch): Promise<Uint8Array[]> {
    if (!this.#file) throw new Error('bug: blocks were written to no file');
    const bytes = new Uint8Array(sum(sizes));
    for (let filled = 0; filled < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, filled, bytes.length - filled, offset + filled);
      if (bytesRead === 0) throw new Error(`the file of held blocks ends at ${offset + filled}`);
      filled += bytesRead;
    }
    let start = 0;
    return sizes.map((size) => bytes.subarray(start, (start += size)));
  }
}

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `pheromone-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}

/** So many buffers at a time as the system takes. */
const buffersPerWrite = 1_024;

async function writeFully(file: FileHandle, blocks: readonly Uint8Array[], offset: number): Promise<void> {
  let at = offset;
  for (let i = 0; i < blocks.length; i += buffersPerWrite) {
    const some = blocks.slice(i, i + buffersPerWrite);
    const wanted = sum(some.map(({ length }) => length));
    const { bytesWritten } = await file.writev(some, at);
    // A regular file takes less only when it can take no more, which the next attempt tells.
    if (bytesWritten < wanted) await file.write(Buffer.concat(some), bytesWritten, wanted - bytesWritten, at + bytesWritten);
    at += wanted;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
