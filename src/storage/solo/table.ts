/**
 * The memory that solo sessions run in, shared by the client, the executors and the node: a slot for each session, a box of slots
 * for each thread that takes them.
 *
 *     client ── box of executor ──► executor ── box of the client ──► client
 *                     └────────────── slots ◄── recall ── node
 *
 *   M1  A slot has one owner, which its state word names; ownership passes by compare-and-swap, and by nothing else.
 *   M2  What a slot's journal says up to the position in the state word is complete: bytes are written first, then published.
 *   M3  Only the client makes a slot free.
 *   M4  Posting the same slot twice is as good as once; a box that lost its bell is read at the next one.
 *   M5  A run that the scheduler has given an executor is begun by it or taken back by the node, not both: whoever counts it first has it.
 */
import {
  away,
  beatOfBox,
  bellOfBox,
  boxWords,
  clientBox,
  closedWord,
  countersOfBox,
  parked,
  parkedOfBox,
  pollingOfBox,
  processorOfBox,
  runsOfBox,
  sizes,
  slabBytes,
  slabs,
  slotBytes,
  slotsOfBox,
  type SoloHandle,
  summaryOfBox,
  takesAll,
  takesLater,
  takesNothing,
  takingOfBox,
  watchBellWord,
  watchingWord,
} from './memory.ts';

export class SoloTable {
  readonly sessions: number;
  readonly slots: number;
  readonly places: number;
  /** Everything, as bytes. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #at: ReturnType<typeof sizes>;
  readonly #states: number;
  readonly #generations: number;
  readonly #slabOwners: number;
  readonly #summaryWords: number;

  constructor({ buffer, sessions, slots, places }: SoloHandle) {
    this.sessions = sessions;
    this.slots = slots;
    this.places = places;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.#words = new Int32Array(buffer);
    this.#floats = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    this.#at = sizes(slots, places);
    this.#states = this.#at.states / 4;
    this.#generations = this.#at.generations / 4;
    this.#slabOwners = this.#at.slabOwners / 4;
    this.#summaryWords = Math.ceil(slots / 32 / 32);
  }

  // Slots.

  state(slot: number): number {
    return Atomics.load(this.#words, this.#states + slot);
  }

  /** Whether the slot was as expected, and is now as wanted. */
  swap(slot: number, expected: number, wanted: number): boolean {
    return Atomics.compareExchange(this.#words, this.#states + slot, expected, wanted) === expected;
  }

  /** By the client alone, for a slot that nobody else may touch. */
  give(slot: number, state: number): void {
    Atomics.store(this.#words, this.#states + slot, state);
  }

  /** Tells the sessions of a slot apart. */
  generation(slot: number): number {
    return Atomics.load(this.#words, this.#generations + slot);
  }

  nextGeneration(slot: number): number {
    return Atomics.add(this.#words, this.#generations + slot, 1) + 1;
  }

  /** The offset of a slot's fields; its journal begins `slotFieldsBytes` later. */
  slotOffset(slot: number): number {
    return this.#at.slots + slot * slotBytes;
  }

  // Slabs: where a journal goes on that has outgrown its slot.

  /** The number of a slab that is now the slot's; -1: there is none. */
  takeSlab(slot: number): number {
    for (let slab = 0; slab < slabs; slab++) {
      if (Atomics.compareExchange(this.#words, this.#slabOwners + slab, 0, slot + 1) === 0) return slab;
    }
    return -1;
  }

  releaseSlabs(slot: number): void {
    for (let slab = 0; slab < slabs; slab++) Atomics.compareExchange(this.#words, this.#slabOwners + slab, slot + 1, 0);
  }

  /** Slots in use, for tests. */
  get slotsTaken(): number {
    let taken = 0;
    for (let slot = 0; slot < this.slots; slot++) if (this.state(slot) !== 0) taken++;
    return taken;
  }

  /** Slabs in use, for tests. */
  get slabsTaken(): number {
    let taken = 0;
    for (let slab = 0; slab < slabs; slab++) if (Atomics.load(this.#words, this.#slabOwners + slab) !== 0) taken++;
    return taken;
  }

  slabOffset(slab: number): number {
    return this.#at.slabs + slab * slabBytes;
  }

  // Boxes.

  /** Puts a slot into a box; wakes its thread if that is parked. Returns whether it was. */
  post(box: number, slot: number): boolean {
    const at = this.#box(box);
    const word = slot >> 5;
    Atomics.or(this.#words, at + slotsOfBox + word, 1 << (slot & 31));
    Atomics.or(this.#words, at + summaryOfBox + (word >> 5), 1 << (word & 31));
    return this.ring(box);
  }

  ring(box: number): boolean {
    const at = this.#box(box);
    Atomics.add(this.#words, at + bellOfBox, 1);
    if (Atomics.load(this.#words, at + parkedOfBox) !== parked) return false;
    Atomics.store(this.#words, at + parkedOfBox, 0);
    Atomics.notify(this.#words, at + bellOfBox);
    return true;
  }

  bell(box: number): number {
    return Atomics.load(this.#words, this.#box(box) + bellOfBox);
  }

  /** Looks so often whether the bell is still as `seen`; true as soon as it is not. */
  isRungSoon(box: number, seen: number, looks: number): boolean {
    const words = this.#words;
    const at = this.#box(box) + bellOfBox;
    for (let look = 0; look < looks; look++) if (Atomics.load(words, at) !== seen) return true;
    return false;
  }

  /** Empties a box. */
  drain(box: number, take: (slot: number) => void): void {
    const at = this.#box(box);
    for (let summary = 0; summary < this.#summaryWords; summary++) {
      if (Atomics.load(this.#words, at + summaryOfBox + summary) === 0) continue;
      // Who posts to one of these words from here on sets its bit again.
      for (let words = Atomics.exchange(this.#words, at + summaryOfBox + summary, 0); words !== 0; words &= words - 1) {
        const word = (summary << 5) + lowestBit(words);
        for (let bits = Atomics.exchange(this.#words, at + slotsOfBox + word, 0); bits !== 0; bits &= bits - 1)
          take((word << 5) + lowestBit(bits));
      }
    }
  }

  /** Resolves when the bell is no longer as `seen`; the thread is marked as one to be woken. Null: it is not, already. */
  park(box: number, seen: number): Promise<unknown> | null {
    const at = this.#box(box);
    Atomics.store(this.#words, at + parkedOfBox, parked);
    const waiting = Atomics.waitAsync(this.#words, at + bellOfBox, seen);
    // Whoever has rung, and was then put aside for so long that this thread has heard it otherwise, may go on just now, and find nobody to wake.
    if (waiting.async && Atomics.load(this.#words, at + parkedOfBox) === parked) return waiting.value;
    Atomics.store(this.#words, at + parkedOfBox, 0);
    return null;
  }

  /** As if parked, for those who choose a box; but nobody is to be woken. */
  setAway(box: number, isAway: boolean): void {
    Atomics.store(this.#words, this.#box(box) + parkedOfBox, isAway ? away : 0);
  }

  isAway(box: number): boolean {
    return Atomics.load(this.#words, this.#box(box) + parkedOfBox) === away;
  }

  isParked(box: number): boolean {
    return Atomics.load(this.#words, this.#box(box) + parkedOfBox) !== 0;
  }

  /** An executor that takes nothing now: it is not there, or blocked. */
  setBusy(place: number, isBusy: boolean): void {
    Atomics.store(this.#words, this.#box(place) + takingOfBox, isBusy ? takesNothing : takesAll);
  }

  isBusy(place: number): boolean {
    return Atomics.load(this.#words, this.#box(place) + takingOfBox) !== takesAll;
  }

  /** Busy, too: it runs what the scheduler gave it, and then takes what is in its box. */
  setAtWork(place: number): void {
    Atomics.store(this.#words, this.#box(place) + takingOfBox, takesLater);
  }

  isAtWork(place: number): boolean {
    return Atomics.load(this.#words, this.#box(place) + takingOfBox) === takesLater;
  }

  /** It has been at it for too long: nothing more is to be posted there. */
  endAtWork(place: number): void {
    Atomics.compareExchange(this.#words, this.#box(place) + takingOfBox, takesLater, takesNothing);
  }

  /** The executor has begun with another session. */
  beat(place: number): void {
    Atomics.add(this.#words, this.#box(place) + beatOfBox, 1);
  }

  /** How often it has, modulo 2³². */
  beats(place: number): number {
    return Atomics.load(this.#words, this.#box(place) + beatOfBox);
  }

  /** On which processor this executor is at work, or the client polls; -1: on none. */
  processor(box: number): number {
    return Atomics.load(this.#words, this.#box(box) + processorOfBox) - 1;
  }

  /** Mostly it is what it was: then nothing is written, beside words that others write and read. */
  setProcessor(box: number, processor: number): void {
    const at = this.#box(box) + processorOfBox;
    if (Atomics.load(this.#words, at) !== processor + 1) Atomics.store(this.#words, at, processor + 1);
  }

  // Runs: what the scheduler gives an executor, in their order, numbered from 1. A thread that a function blocks hears of nothing, so that
  // only memory can tell what it has not begun.

  /** By the executor: false if this run was taken back. */
  beginRun(place: number, run: number): boolean {
    const before = (run - 1) | 0;
    return Atomics.compareExchange(this.#words, this.#box(place) + runsOfBox, before, run | 0) === before;
  }

  /** By the node: of the runs up to this one, those that have not begun will not. Returns the last that has. */
  takeBackRuns(place: number, last: number): number {
    const at = this.#box(place) + runsOfBox;
    for (;;) {
      const begun = Atomics.load(this.#words, at);
      // Of words that begin anew after 2³².
      const left = (last - begun) | 0;
      if (left <= 0) return last;
      if (Atomics.compareExchange(this.#words, at, begun, last | 0) === begun) return last - left;
    }
  }

  #box(box: number): number {
    return (this.#at.boxes >> 2) + (box + 1) * boxWords;
  }

  // What concerns all.

  /** The node takes no new sessions for the moment, or never again. */
  setClosed(isClosed: boolean): void {
    Atomics.store(this.#words, closedWord, isClosed ? 1 : 0);
  }

  get isClosed(): boolean {
    return Atomics.load(this.#words, closedWord) === 1;
  }

  /** Leave to poll, for at most `max` threads at a time. */
  startPolling(box: number, max: number): boolean {
    if (this.#pollersBeside(box, max) === max) return false;
    // Two that do so at once may both see the other, and neither polls: they try again with their next looks.
    Atomics.store(this.#words, this.#box(box) + pollingOfBox, 1);
    if (this.#pollersBeside(box, max) < max) return true;
    this.stopPolling(box);
    return false;
  }

  /** Somebody waits meanwhile for what this thread was rung for: so it stores to a line of its own, and there is no count that all share. */
  stopPolling(box: number): void {
    Atomics.store(this.#words, this.#box(box) + pollingOfBox, 0);
  }

  #pollersBeside(box: number, max: number): number {
    let polling = 0;
    for (let other = clientBox; other < this.places && polling < max; other++) {
      if (other !== box && Atomics.load(this.#words, this.#box(other) + pollingOfBox) === 1) polling++;
    }
    return polling;
  }

  /** Its thread is no more. */
  leave(place: number): void {
    this.setBusy(place, true);
    this.stopPolling(place);
    this.setAway(place, false);
    this.setProcessor(place, -1);
    Atomics.store(this.#words, this.#box(place) + runsOfBox, 0);
  }

  /** Somebody should look after the sessions that run: the node is woken, unless it does already. */
  askWatch(): void {
    if (Atomics.load(this.#words, watchingWord) === 1) return;
    Atomics.add(this.#words, watchBellWord, 1);
    Atomics.notify(this.#words, watchBellWord);
  }

  /** For the node: resolves when it is asked to watch since `seen`. Null: it was, already. */
  awaitWatch(seen: number): Promise<unknown> | null {
    const waiting = Atomics.waitAsync(this.#words, watchBellWord, seen);
    return waiting.async ? waiting.value : null;
  }

  get watchBell(): number {
    return Atomics.load(this.#words, watchBellWord);
  }

  setWatching(isWatching: boolean): void {
    Atomics.store(this.#words, watchingWord, isWatching ? 1 : 0);
  }

  count(place: number, sessions: number, invocations: number, objects: number, objectBytes: number): void {
    const at = (this.#box(place) + countersOfBox) >> 1;
    const floats = this.#floats;
    floats[at] = (floats[at] ?? 0) + sessions;
    floats[at + 1] = (floats[at + 1] ?? 0) + invocations;
    floats[at + 2] = (floats[at + 2] ?? 0) + objects;
    floats[at + 3] = (floats[at + 3] ?? 0) + objectBytes;
  }

  totals() {
    const totals = { sessions: 0, invocations: 0, objects: 0, objectBytes: 0 };
    for (let place = 0; place < this.places; place++) {
      const at = (this.#box(place) + countersOfBox) >> 1;
      totals.sessions += this.#floats[at] ?? 0;
      totals.invocations += this.#floats[at + 1] ?? 0;
      totals.objects += this.#floats[at + 2] ?? 0;
      totals.objectBytes += this.#floats[at + 3] ?? 0;
    }
    return totals;
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
