/**
 * A solo session's journal: all that has happened in it, in order, so that whoever has its slot can go on from there.
 *
 *     ┌─ fields ─┬──────── slot ────────┬─ slab ─ ─ ─┬─ slab ─ ─
 *     │ app, id  │ object  begin  object │ begin …    │
 *     └──────────┴───────────────────────┴─ ─ ─ ─ ─ ─ ┴─ ─ ─ ─ ─
 *
 *     object  someone has sent it: a client (source 0) or the invocation of that number
 *     begin   a trigger has fired: the invocation with the next number (1, 2, …) runs now. The one before it has returned.
 *     output  the invocation that runs gave it
 *     done    the invocation that ran has returned, and no other has begun
 *
 *   J1  One thread writes at a time: the slot's owner. What it writes counts when it is published with the slot's state (M2).
 *   J2  A record lies in one piece: in the slot or in one slab.
 *   J3  Who has lost the slot writes nothing any more: before each record the writer looks whether the slot is as it left it.
 */
import type { Ref } from '../object.ts';
import { copyBytes } from '../small-copies.ts';
import { positionUnitBytes } from './slot-state.ts';
import { slabBytes, slabsPerSlotMax, slotBytes, slotFieldsBytes } from './memory.ts';
import type { SoloTable } from './table.ts';

// Offsets of a slot's fields, in bytes.
const installField = 0;
const msHighField = 4;
const msLowField = 8;
const makerField = 12;
const counterField = 16;
/** A byte each: outputs, and whether somebody has seen the session's id. */
const outputsField = 20;
const namedField = 21;
/** The 16 bits above the other 32. */
const counterHighField = 22;
const outputAtField = 24;
const outputBytesField = 28;
const outputEncodingField = 32;
const slabCountField = 36;
const slabsField = 40;
const supersededField = 88;
const lateField = 92;
const tookField = 96;

const slotJournalBytes = slotBytes - slotFieldsBytes;
const padRecord = 0;
const objectRecord = 1;
const beginRecord = 2;
const outputRecord = 3;
const doneRecord = 4;
const objectHeadBytes = 20;
const beginHeadBytes = 8;
const outputHeadBytes = 8;
const noOffset = 0xffff_ffff;
/** A text's length in bytes, with this bit if it is UTF-16, and not ASCII; or that there is none. */
const wideText = 0x8000;
const noText = 0xffff;

/** Which app, and the parts of the session's id. */
export interface SlotFields {
  /** The number of the app's installation. */
  readonly install: number;
  readonly openedMs: number;
  readonly maker: number;
  /** 48 bits. */
  readonly counter: number;
}

export type JournalRecord =
  | {
      readonly kind: 'object';
      readonly source: number;
      readonly bucket: number;
      readonly key: string;
      readonly group: string | null;
      readonly ref: Ref;
    }
  | { readonly kind: 'begin'; readonly trigger: number; readonly inputs: readonly number[] }
  | { readonly kind: 'output'; readonly ref: Ref }
  | { readonly kind: 'done' };

export function writeFields(table: SoloTable, slot: number, { install, openedMs, maker, counter }: SlotFields): void {
  const at = table.slotOffset(slot);
  const { view } = table;
  view.setUint32(at + installField, install, true);
  view.setUint32(at + msHighField, Math.floor(openedMs / 2 ** 32), true);
  view.setUint32(at + msLowField, openedMs % 2 ** 32, true);
  view.setUint32(at + makerField, maker, true);
  view.setUint32(at + counterField, counter % 2 ** 32, true);
  view.setUint32(at + outputsField, 0, true);
  view.setUint16(at + counterHighField, Math.floor(counter / 2 ** 32), true);
  view.setUint32(at + slabCountField, 0, true);
}

export function readFields(table: SoloTable, slot: number): SlotFields {
  const at = table.slotOffset(slot);
  const { view } = table;
  return {
    install: view.getUint32(at + installField, true),
    openedMs: view.getUint32(at + msHighField, true) * 2 ** 32 + view.getUint32(at + msLowField, true),
    maker: view.getUint32(at + makerField, true),
    counter: view.getUint16(at + counterHighField, true) * 2 ** 32 + view.getUint32(at + counterField, true),
  };
}

export interface SlotNotes {
  /** Somebody has seen the session's id. */
  readonly isNamed: boolean;
  readonly superseded: number;
  readonly late: number;
  /** How long its last executor had it. */
  readonly tookMs: number;
}

/** Of a session that has ended: what is beside its journal. */
export function readNotes(table: SoloTable, slot: number): SlotNotes {
  const at = table.slotOffset(slot);
  const { view } = table;
  return {
    isNamed: view.getUint8(at + namedField) === 1,
    superseded: view.getUint32(at + supersededField, true),
    late: view.getUint32(at + lateField, true),
    tookMs: view.getFloat32(at + tookField, true),
  };
}

/** Whether its journal has outgrown the slot. */
export function hasSlabs(table: SoloTable, slot: number): boolean {
  return table.view.getUint32(table.slotOffset(slot) + slabCountField, true) > 0;
}

/** The output that has been published, in memory of its own; null: none yet. Sessions give at most one while they run solo. */
export function readOutput(table: SoloTable, slot: number): Ref | null {
  const at = table.slotOffset(slot);
  const { view } = table;
  if (view.getUint8(at + outputsField) === 0) return null;
  const start = view.getUint32(at + outputAtField, true);
  const sizeBytes = view.getUint32(at + outputBytesField, true);
  // It becomes the user's, who may write or transfer it: no piece that others share.
  const inline = new Uint8Array(table.bytes.subarray(start, start + sizeBytes));
  return { encoding: view.getUint32(at + outputEncodingField, true), sizeBytes, inline, offset: -1 };
}

/** Writes the journal of one slot, at its end. Methods that write return false if there is no room or the slot is lost; nothing has then changed. */
export class JournalWriter {
  /** The slot's state as its owner has last set it; 0 (free) while a client prepares it. */
  state = 0;
  readonly #table: SoloTable;
  readonly #slot: number;
  readonly #base: number;
  /** From the journal's start. */
  #position = 0;
  /** Where the piece that is being written begins in the journal, and in memory, and where it ends in the journal. */
  #pieceStart = 0;
  #pieceOffset: number;
  #pieceEnd = slotJournalBytes;

  constructor(table: SoloTable, slot: number) {
    this.#table = table;
    this.#slot = slot;
    this.#base = table.slotOffset(slot);
    this.#pieceOffset = this.#base + slotFieldsBytes;
  }

  get position(): number {
    return this.#position;
  }

  /** To where somebody else has written. */
  moveTo(position: number): void {
    this.#position = position;
    // One that ends exactly here may have no other after it.
    if (position > this.#pieceEnd) this.#findPiece(Math.ceil((position - slotJournalBytes) / slabBytes) - 1);
  }

  object(source: number, bucket: number, key: string, group: string | null, { encoding, sizeBytes, inline, offset }: Ref): boolean {
    const textBytesMax = 2 * (key.length + (group?.length ?? 0));
    const at = this.#reserve(objectHeadBytes + textBytesMax + (inline ? sizeBytes : 0));
    if (at === -1) return false;
    const { view, bytes } = this.#table;
    const keyText = writeText(bytes, at + objectHeadBytes, key);
    const groupAt = at + objectHeadBytes + textBytes(keyText);
    const groupText = group === null ? noText : writeText(bytes, groupAt, group);
    view.setUint8(at, objectRecord);
    view.setUint8(at + 1, encoding);
    view.setUint16(at + 2, bucket, true);
    view.setUint32(at + 4, source, true);
    view.setUint32(at + 8, sizeBytes, true);
    view.setUint32(at + 12, inline ? noOffset : offset, true);
    view.setUint16(at + 16, keyText, true);
    view.setUint16(at + 18, groupText, true);
    const head = groupAt - at + textBytes(groupText);
    if (inline) put(bytes, at + head, inline);
    this.#advance(head + (inline ? sizeBytes : 0));
    return true;
  }

  begin(trigger: number, inputs: readonly number[]): boolean {
    const at = this.#reserve(beginHeadBytes + 4 * inputs.length);
    if (at === -1) return false;
    const { view } = this.#table;
    view.setUint8(at, beginRecord);
    view.setUint16(at + 2, trigger, true);
    view.setUint32(at + 4, inputs.length, true);
    for (let i = 0; i < inputs.length; i++) view.setUint32(at + beginHeadBytes + 4 * i, inputs[i] as number, true);
    this.#advance(beginHeadBytes + 4 * inputs.length);
    return true;
  }

  /** Inline only. */
  output(encoding: number, output: Uint8Array): boolean {
    const sizeBytes = output.byteLength;
    const at = this.#reserve(outputHeadBytes + sizeBytes);
    if (at === -1) return false;
    const { view, bytes } = this.#table;
    view.setUint8(at, outputRecord);
    view.setUint8(at + 1, encoding);
    view.setUint32(at + 4, sizeBytes, true);
    put(bytes, at + outputHeadBytes, output);
    view.setUint32(this.#base + outputAtField, at + outputHeadBytes, true);
    view.setUint32(this.#base + outputBytesField, sizeBytes, true);
    view.setUint32(this.#base + outputEncodingField, encoding, true);
    this.#advance(outputHeadBytes + sizeBytes);
    return true;
  }

  /** The output that was written may be read from here on. */
  showOutput(): void {
    this.#table.view.setUint8(this.#base + outputsField, 1);
  }

  /** Somebody has seen the session's id, and may ask for it when it has ended. */
  noteNamed(): void {
    if (this.#isOwned()) this.#table.view.setUint8(this.#base + namedField, 1);
  }

  /** For its summary, and for whoever gives executors more of the kind: what the journal does not say. */
  tell({ superseded, late, tookMs }: Omit<SlotNotes, 'isNamed'>): void {
    if (!this.#isOwned()) return;
    const { view } = this.#table;
    view.setUint32(this.#base + supersededField, superseded, true);
    view.setUint32(this.#base + lateField, late, true);
    view.setFloat32(this.#base + tookField, tookMs, true);
  }

  done(): boolean {
    const at = this.#reserve(positionUnitBytes);
    if (at === -1) return false;
    this.#table.view.setUint8(at, doneRecord);
    this.#advance(positionUnitBytes);
    return true;
  }

  #isOwned(): boolean {
    return this.#table.state(this.#slot) === this.state;
  }

  /** Where a record of so many bytes at most begins; -1: nowhere. */
  #reserve(sizeBytes: number): number {
    if (!this.#isOwned()) return -1;
    if (this.#position + sizeBytes > this.#pieceEnd && !this.#nextPiece(sizeBytes)) return -1;
    return this.#pieceOffset + (this.#position - this.#pieceStart);
  }

  #advance(sizeBytes: number): void {
    this.#position += (sizeBytes + positionUnitBytes - 1) & -positionUnitBytes;
  }

  #nextPiece(sizeBytes: number): boolean {
    if (sizeBytes > slabBytes) return false;
    const { view } = this.#table;
    const count = view.getUint32(this.#base + slabCountField, true);
    const slab = count < slabsPerSlotMax ? this.#table.takeSlab(this.#slot) : -1;
    if (slab === -1) return false;
    if (this.#position < this.#pieceEnd) view.setUint8(this.#pieceOffset + (this.#position - this.#pieceStart), padRecord);
    view.setUint8(this.#base + slabsField + count, slab);
    view.setUint32(this.#base + slabCountField, count + 1, true);
    this.#position = this.#pieceEnd;
    this.#findPiece(count);
    return true;
  }

  #findPiece(number: number): void {
    this.#pieceStart = slotJournalBytes + number * slabBytes;
    this.#pieceEnd = this.#pieceStart + slabBytes;
    this.#pieceOffset = this.#table.slabOffset(this.#table.view.getUint8(this.#base + slabsField + number));
  }
}

/** What was published from one position to another, in order. It shares no memory with the slot. */
export function readJournal(table: SoloTable, slot: number, start: number, end: number): JournalRecord[] {
  const base = table.slotOffset(slot);
  const records: JournalRecord[] = [];
  let position = start;
  while (position < end) {
    const inSlot = position < slotJournalBytes;
    const number = Math.floor((position - slotJournalBytes) / slabBytes);
    const pieceStart = inSlot ? 0 : slotJournalBytes + number * slabBytes;
    const pieceEnd = inSlot ? slotJournalBytes : pieceStart + slabBytes;
    const pieceOffset = inSlot ? base + slotFieldsBytes : table.slabOffset(table.view.getUint8(base + slabsField + number));
    const read = readRecord(table, pieceOffset + position - pieceStart);
    if (read) records.push(read.record);
    position = read ? position + ((read.sizeBytes + positionUnitBytes - 1) & -positionUnitBytes) : pieceEnd;
  }
  return records;
}

function readRecord({ view, bytes }: SoloTable, at: number): { record: JournalRecord; sizeBytes: number } | null {
  switch (view.getUint8(at)) {
    case objectRecord: {
      const sizeBytes = view.getUint32(at + 8, true);
      const offset = view.getUint32(at + 12, true);
      const keyText = view.getUint16(at + 16, true);
      const groupText = view.getUint16(at + 18, true);
      const keyAt = at + objectHeadBytes;
      const groupAt = keyAt + textBytes(keyText);
      const bytesAt = groupAt + textBytes(groupText);
      const inline = offset === noOffset ? copyBytes(bytes.subarray(bytesAt, bytesAt + sizeBytes)) : null;
      const record: JournalRecord = {
        kind: 'object',
        source: view.getUint32(at + 4, true),
        bucket: view.getUint16(at + 2, true),
        key: readText(bytes, keyAt, keyText),
        group: groupText === noText ? null : readText(bytes, groupAt, groupText),
        ref: { encoding: view.getUint8(at + 1), sizeBytes, inline, offset: inline ? -1 : offset },
      };
      return { record, sizeBytes: bytesAt - at + (inline ? sizeBytes : 0) };
    }
    case beginRecord: {
      const count = view.getUint32(at + 4, true);
      const inputs: number[] = [];
      for (let i = 0; i < count; i++) inputs.push(view.getUint32(at + beginHeadBytes + 4 * i, true));
      return { record: { kind: 'begin', trigger: view.getUint16(at + 2, true), inputs }, sizeBytes: beginHeadBytes + 4 * count };
    }
    case outputRecord: {
      const sizeBytes = view.getUint32(at + 4, true);
      const inline = copyBytes(bytes.subarray(at + outputHeadBytes, at + outputHeadBytes + sizeBytes));
      return {
        record: { kind: 'output', ref: { encoding: view.getUint8(at + 1), sizeBytes, inline, offset: -1 } },
        sizeBytes: outputHeadBytes + sizeBytes,
      };
    }
    case doneRecord:
      return { record: { kind: 'done' }, sizeBytes: positionUnitBytes };
    case padRecord:
      return null;
    default:
      throw new Error(`bug: record ${view.getUint8(at)} in a journal`);
  }
}

/** Small ones byte by byte: `set` costs more than a few of them. */
function put(target: Uint8Array, at: number, source: Uint8Array): void {
  const { length } = source;
  if (length > 24) return target.set(source, at);
  for (let i = 0; i < length; i++) target[at + i] = source[i] as number;
}

/** Returns what its length field says. Any string survives, also half a surrogate pair. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  const { length } = text;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return writeWideText(bytes, at, text);
    bytes[at + i] = code;
  }
  return length;
}

function writeWideText(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[at + 2 * i] = code & 0xff;
    bytes[at + 2 * i + 1] = code >> 8;
  }
  return (2 * text.length) | wideText;
}

function textBytes(field: number): number {
  return field === noText ? 0 : field & ~wideText;
}

function readText(bytes: Uint8Array, at: number, field: number): string {
  const length = textBytes(field);
  let text = '';
  if ((field & wideText) === 0) for (let i = 0; i < length; i++) text += String.fromCharCode(bytes[at + i] as number);
  else for (let i = 0; i < length; i += 2) text += String.fromCharCode((bytes[at + i] as number) | ((bytes[at + i + 1] as number) << 8));
  return text;
}
