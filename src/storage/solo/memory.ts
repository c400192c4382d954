/** How the memory of solo sessions is laid out (`table.ts` says what it means). */

/** The handle for other threads: can be cloned. */
export interface SoloHandle {
  readonly buffer: SharedArrayBuffer;
  /** How many may be out at a time. */
  readonly sessions: number;
  /** More than sessions: some rest. */
  readonly slots: number;
  readonly places: number;
}

/** The box of the client; executors have the boxes of their places, 0 and up. */
export const clientBox = -1;

/** More executors have no box: sessions do not start there. A place is six bits of a state word. */
export const placesMax = 63;
export const sessionsMax = 1_024;
/** For each four sessions there is a slot more: those whose session was brought home rest before they are used again. */
const sessionsPerRestingSlot = 4;
export const slotsMax = sessionsMax + sessionsMax / sessionsPerRestingSlot;
export const slotBytes = 2_048;
export const slabBytes = 64 * 1_024;
export const slabs = 64;
/** Of one session. */
export const slabsPerSlotMax = 48;

// Indices of 32-bit words. What one thread looks at over and over has no cache line in common with what others write.
const lineWords = 16;
export const closedWord = 0;
export const watchingWord = 1;
export const watchBellWord = 2;
const headWords = lineWords;
/** A bit for each word of slots that may not be zero: loads are what a box costs, and mostly one slot is in it. */
export const summaryOfBox = 0;
/** A bit for each slot. */
export const slotsOfBox = 2;
/** What its thread waits for, and others read before they ring. */
export const bellOfBox = linesFor(slotsOfBox + slotsMax / 32);
export const parkedOfBox = bellOfBox + 1;
export const parked = 1;
export const away = 2;
/** What its thread takes. */
export const takingOfBox = bellOfBox + 2;
export const takesNothing = 0;
export const takesAll = 1;
/** It runs what the scheduler gave it, and then takes what is in its box. */
export const takesLater = 2;
/** What its thread writes. */
export const beatOfBox = bellOfBox + lineWords;
/** Runs that have begun there, or were taken back. */
export const runsOfBox = beatOfBox + 1;
export const processorOfBox = beatOfBox + 2;
export const pollingOfBox = beatOfBox + 3;
/** 64-bit floats: what an executor has done. */
export const countersOfBox = beatOfBox + 4;
export const boxWords = linesFor(countersOfBox + 2 * 4);

/** The words of as many whole lines as so many need. */
function linesFor(words: number): number {
  return Math.ceil(words / lineWords) * lineWords;
}

/** What stands before a slot's journal. */
export const slotFieldsBytes = 104;

export function sizes(slots: number, places: number) {
  const boxes = headWords * 4;
  const states = boxes + (places + 1) * boxWords * 4;
  const generations = states + slots * 4;
  const slabOwners = generations + slots * 4;
  const slots0 = Math.ceil((slabOwners + slabs * 4) / 64) * 64;
  const slabs0 = slots0 + slots * slotBytes;
  return { boxes, states, generations, slabOwners, slots: slots0, slabs: slabs0, end: slabs0 + slabs * slabBytes };
}

/** Null if there are to be none. Pages that are not used cost no memory. */
export function createSoloMemory(sessionsWanted: number, executors: number): SoloHandle | null {
  const sessions = Math.min(sessionsMax, sessionsWanted) & ~31;
  const places = Math.min(placesMax, executors);
  if (sessions < 32) return null;
  const slots = sessions + Math.ceil(sessions / sessionsPerRestingSlot / 32) * 32;
  return { buffer: new SharedArrayBuffer(sizes(slots, places).end), sessions, slots, places };
}
