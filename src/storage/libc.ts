/**
 * The few functions of the C library that we need: for the mapped segment, and for threads that poll. They are called by koffi.
 *
 * koffi is loaded at the first use (10 ms), so that importing this costs nothing and a platform without it can fall back.
 */
import { createRequire } from 'node:module';
import type { LibraryHandle } from 'koffi';

export interface Libc {
  /** A descriptor of anonymous memory that no path leads to, closed on exec, and that may be sealed. */
  createMemory(name: string): number;
  setSize(fd: number, sizeBytes: number): void;
  /** From now on the memory can no longer be made smaller: no reader dies of SIGBUS. */
  sealAgainstShrinking(fd: number): void;
  map(fd: number, sizeBytes: number): bigint;
  /** Puts private zero pages in the place of a mapping; its address range stays taken. False if the system refuses. */
  replaceByZeros(address: bigint, sizeBytes: number): boolean;
  closeDescriptor(fd: number): void;
  /** Drops the pages of a shared mapping: they read as zeros, and their memory is free. False if the system refuses. */
  dropPages(address: bigint, sizeBytes: number): boolean;
  /** Faults the pages in, on a thread of libuv's pool. False if the system refuses. */
  populatePages(address: bigint, sizeBytes: number): Promise<boolean>;
  /** The memory as an ArrayBuffer, without a copy. It is unmanaged: collecting it frees nothing. */
  view(address: bigint, sizeBytes: number): ArrayBuffer;
  /** Lets another thread that waits for this one's processor run first. 0.7 µs if there is none. */
  yieldProcessor(): void;
  /** On which this thread runs. 0.3 µs. */
  processor(): number;
  /** Moves this thread to another one, if it may run there. */
  leaveProcessor(processor: number): void;
  /**
   * From now on `malloc`, of all threads, keeps what is freed for what is asked for next: blocks up to `blockBytesMax`, and up to `keptBytes`
   * at the end of each of its heaps. Nothing changes where it cannot be told (musl).
   */
  keepFreed(blockBytesMax: number, keptBytes: number): void;
  readonly pageBytes: number;
}

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SHRINK = 2;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x2 | 0x10 | 0x20 | 0x4000;
const MAP_FAILED = 2n ** 64n - 1n;
const MADV_REMOVE = 9;
const MADV_POPULATE_WRITE = 23;
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;

/** For 8,192 processors, as many as the system can have. */
const affinityBytes = 1_024;
const thisThread = 0;

let loaded: Libc | null = null;
let isMissing = false;

/** Throws where koffi, or one of the functions, does not exist: anywhere but on Linux. */
export function loadLibc(): Libc {
  loaded ??= bind();
  return loaded;
}

/** For what is better with it, and goes without. */
export function libcIfAny(): Libc | null {
  if (loaded || isMissing) return loaded;
  try {
    return loadLibc();
  } catch {
    isMissing = true;
    return null;
  }
}

function bind(): Libc {
  if (process.platform !== 'linux') throw new Error(`memfd_create does not exist on ${process.platform}`);
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(null);
  const memfdCreate = library.func('int memfd_create(const char *name, unsigned int flags)');
  const ftruncate = library.func('int ftruncate(int fd, int64_t length)');
  const fcntl = library.func('int fcntl(int fd, int command, ...)');
  const mmap = library.func('uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)');
  const madvise = library.func('int madvise(uintptr_t address, size_t length, int advice)');
  const close = library.func('int close(int fd)');
  const schedYield = library.func('int sched_yield()');
  const getProcessor = library.func('int sched_getcpu()');
  const getAffinity = library.func('int sched_getaffinity(int thread, size_t maskBytes, _Out_ uint8_t *mask)');
  const setAffinity = library.func('int sched_setaffinity(int thread, size_t maskBytes, const uint8_t *mask)');
  const getpagesize = library.func('int getpagesize()');
  const mallopt = functionIfAny(library, 'int mallopt(int option, int value)');

  /** Calls `fn`, and throws when it reports failure. */
  const call = (name: string, fn: ReturnType<LibraryHandle['func']>, ...args: unknown[]): number | bigint => {
    const result = fn(...args) as number | bigint;
    if (result === -1 || result === MAP_FAILED) throw new Error(`${name} failed with errno ${koffi.errno()}`);
    return result;
  };

  return {
    createMemory: (name) => Number(call('memfd_create', memfdCreate, name, MFD_CLOEXEC | MFD_ALLOW_SEALING)),
    setSize: (fd, sizeBytes) => void call('ftruncate', ftruncate, fd, sizeBytes),
    sealAgainstShrinking: (fd) => void call('fcntl', fcntl, fd, F_ADD_SEALS, 'int', F_SEAL_SHRINK),
    map: (fd, sizeBytes) => BigInt(call('mmap', mmap, 0, sizeBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0)),
    replaceByZeros: (address, sizeBytes) =>
      mmap(address, sizeBytes, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0) !== MAP_FAILED,
    // Not by `fs.closeSync`: in a thread it warns of descriptors that the thread has not opened by `fs`.
    closeDescriptor: (fd) => void call('close', close, fd),
    dropPages: (address, sizeBytes) => madvise(address, sizeBytes, MADV_REMOVE) === 0,
    populatePages: (address, sizeBytes) =>
      new Promise((resolve) => {
        madvise.async(address, sizeBytes, MADV_POPULATE_WRITE, (error: unknown, result: number) => resolve(!error && result === 0));
      }),
    view: (address, sizeBytes) => koffi.view(address, sizeBytes),
    yieldProcessor: () => void schedYield(),
    processor: () => getProcessor() as number,
    leaveProcessor(processor) {
      const mask = new Uint8Array(affinityBytes);
      if (getAffinity(thisThread, affinityBytes, mask) !== 0) return;
      const others = mask.slice();
      others[processor >> 3] = (others[processor >> 3] as number) & ~(1 << (processor & 7));
      // It fails if there is no other.
      if (setAffinity(thisThread, affinityBytes, others) === 0) setAffinity(thisThread, affinityBytes, mask);
    },
    keepFreed(blockBytesMax, keptBytes) {
      mallopt?.(M_MMAP_THRESHOLD, blockBytesMax);
      mallopt?.(M_TRIM_THRESHOLD, keptBytes);
    },
    pageBytes: Number(call('getpagesize', getpagesize)),
  };
}

/** What is not in every C library. */
function functionIfAny(library: LibraryHandle, definition: string): ReturnType<LibraryHandle['func']> | null {
  try {
    return library.func(definition);
  } catch {
    return null;
  }
}
