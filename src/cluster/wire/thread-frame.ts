/**
 * Messages ↔ bytes between the threads of a process: what every attempt needs has a layout of its own, which takes a fifth of
 * the time of CBOR. All else, and what is unusual, is an envelope of `codec.ts`.
 *
 *     frame   record …
 *     record  tag (1 byte), then the fields as written below; numbers are little-endian
 *     number  64-bit float
 *     text    head (32 bits), bytes; the head is twice the bytes' count, plus 1 if they are UTF-8 and not ASCII
 *     ref     encoding (1 byte), size and offset (numbers), bytes if the offset is -1
 *
 *   V4  What is decoded shares no memory with the frame.
 *   V5  A text that is the same as the one before in the same field is not repeated: frames are of one app, and mostly of one session.
 */
import type { Message } from '../../actors/protocol/message.ts';
import type { Input } from '../../actors/protocol/object.ts';
import type { Ref } from '../../storage/object.ts';
import { decodeFrame, encodeFrame, type Envelope, MalformedFrame } from './codec.ts';
import { FrameReader, FrameWriter } from './frame-bytes.ts';

type Of<K extends Message['kind']> = Extract<Message, { kind: K }>;

const other = 0;
const run = 1;
const objectSent = 2;
const outputSent = 3;
const attemptDone = 4;

// Fields whose texts tend to repeat.
const toField = 0;
const appField = 1;
const sessionField = 2;
const inputSessionField = 3;
const keyField = 4;
const groupField = 5;

const writer = new FrameWriter();

/** The frame is memory of its own, and no more than it needs: who posts it copies all of its buffer. */
export function encodeThreadFrame(envelopes: readonly Envelope[]): Uint8Array {
  writer.begin();
  for (const envelope of envelopes) writeEnvelope(envelope);
  return writer.end();
}

function writeEnvelope(envelope: Envelope): void {
  const { to, message } = envelope;
  switch (message.kind) {
    case 'run':
      if (message.inputs.some(({ ref }) => !isHere(ref))) break;
      writer.byte(run);
      writer.text(toField, to);
      return writeRun(message);
    case 'objectSent':
      if (!isHere(message.ref)) break;
      writer.byte(objectSent);
      writer.text(toField, to);
      return writeObject(message);
    case 'outputSent':
      if (!isHere(message.ref)) break;
      writer.byte(outputSent);
      writer.text(toField, to);
      writeName(message);
      writer.number(message.ordinal);
      return writeRef(message.ref);
    case 'attemptDone':
      if (message.error) break;
      writer.byte(attemptDone);
      writer.text(toField, to);
      writeName(message);
      writer.number(message.objects);
      return writer.number(message.outputs);
    default:
  }
  writer.byte(other);
  writer.bytes(encodeFrame([envelope]));
}

/** In this process, and as refs are made: its bytes in the message or in the arena. */
function isHere({ inline, offset, remote }: Ref): boolean {
  return !remote && (inline === null) === offset >= 0;
}

function writeName({ invocation, attempt }: { readonly invocation: number; readonly attempt: number }): void {
  writer.number(invocation);
  writer.number(attempt);
}

function writeRun(message: Of<'run'>): void {
  writeName(message);
  writer.text(appField, message.app);
  writer.number(message.revision);
  writer.number(message.function);
  writer.text(sessionField, message.session);
  writer.number(message.inputs.length);
  for (const { key, group, session, ref } of message.inputs) {
    writer.text(keyField, key);
    writer.text(groupField, group);
    writer.text(inputSessionField, session);
    writeRef(ref);
  }
}

function writeObject(message: Of<'objectSent'>): void {
  writeName(message);
  writer.number(message.bucket);
  writer.text(keyField, message.key);
  writer.number(message.ordinal);
  writer.text(groupField, message.group);
  writer.number(message.delayMs);
  writeRef(message.ref);
}

function writeRef({ encoding, sizeBytes, inline, offset }: Ref): void {
  writer.byte(encoding);
  writer.number(sizeBytes);
  writer.number(offset);
  if (inline) writer.bytes(inline);
}

export function decodeThreadFrame(frame: Uint8Array): Envelope[] {
  const reader = new FrameReader(frame);
  const envelopes: Envelope[] = [];
  while (reader.hasMore) readEnvelope(reader, envelopes);
  return envelopes;
}

function readEnvelope(reader: FrameReader, envelopes: Envelope[]): void {
  const tag = reader.byte();
  if (tag === other) return void envelopes.push(...decodeFrame(reader.bytes()));
  const to = reader.textOf(toField);
  envelopes.push({ to, message: readMessage(reader, tag) });
}

function readMessage(reader: FrameReader, tag: number): Message {
  const invocation = reader.number();
  const attempt = reader.number();
  switch (tag) {
    case run:
      return readRun(reader, invocation, attempt);
    case objectSent: {
      const bucket = reader.number();
      const key = reader.textOf(keyField);
      const ordinal = reader.number();
      const group = reader.text(groupField);
      const delayMs = reader.number();
      return { kind: 'objectSent', invocation, attempt, bucket, key, ordinal, group, delayMs, ref: readRef(reader) };
    }
    case outputSent: {
      const ordinal = reader.number();
      return { kind: 'outputSent', invocation, attempt, ordinal, ref: readRef(reader) };
    }
    case attemptDone: {
      const objects = reader.number();
      return { kind: 'attemptDone', invocation, attempt, objects, outputs: reader.number(), error: null };
    }
    default:
      throw new MalformedFrame(`no record of a thread's frame has the tag ${tag}`);
  }
}

function readRun(reader: FrameReader, invocation: number, attempt: number): Message {
  const app = reader.textOf(appField);
  const revision = reader.number();
  const index = reader.number();
  const session = reader.textOf(sessionField);
  const inputs: Input[] = [];
  for (let left = reader.number(); left > 0; left--) {
    const key = reader.textOf(keyField);
    const group = reader.text(groupField);
    inputs.push({ key, group, session: reader.textOf(inputSessionField), ref: readRef(reader) });
  }
  return { kind: 'run', invocation, attempt, app, revision, function: index, session, inputs };
}

function readRef(reader: FrameReader): Ref {
  const encoding = reader.byte();
  const sizeBytes = reader.number();
  const offset = reader.number();
  return { encoding, sizeBytes, inline: offset === -1 ? reader.ownBytes() : null, offset };
}
