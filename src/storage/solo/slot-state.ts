/** A slot's state word: who has the slot (M1 in `table.ts`), and how far its journal goes. */
const stageBits = 3;
const placeBits = 6;
const positionShift = stageBits + placeBits;
/** Positions in journals are multiples of this. */
export const positionUnitBytes = 8;

// Who has a slot: nobody; the executor in whose box it lies; the one that runs it; the node; the client, who may read what came of it.
export const stageFree = 0;
export const stageQueued = 1;
export const stageRunning = 2;
export const stageRecalled = 3;
export const stageEnded = 4;

/** `position`: how far the journal goes, in bytes. */
export function slotState(stage: number, place: number, position: number): number {
  return stage | (place << stageBits) | ((position / positionUnitBytes) << positionShift);
}

export function stageOf(state: number): number {
  return state & ((1 << stageBits) - 1);
}

export function placeOf(state: number): number {
  return (state >> stageBits) & ((1 << placeBits) - 1);
}

export function positionOf(state: number): number {
  return (state >>> positionShift) * positionUnitBytes;
}
