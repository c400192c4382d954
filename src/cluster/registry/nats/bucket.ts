/**
 * The streams of one registry, and what is done with them: read a key's last message, write one by compare-and-swap, large values.
 *
 *     KV_NAME        $KV.NAME.KEY              the last message of each key: a bucket of NATS KV, as its tools show it
 *     PIECES_NAME    pieces.NAME.ID.N          values beyond `watchedBytesMax`, in pieces that never change
 *
 *   B1  A write that is tried again is done once: by its id, which the stream remembers for two minutes and the message keeps.
 *   B2  A value in pieces is named by a message only when all are stored, and they are removed only when no message names them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { type MsgHdrs, nanos, nuid } from '@nats-io/transport-node';
import { pieceBytesMax, piecesOf } from '../pieces.ts';
import { conflict, RegistryError } from '../registry-error.ts';
import type { NatsLink } from './link.ts';
import { type PiecesRef, type Stored, storedOf } from './stored.ts';
import { subjectOf } from './subjects.ts';

export interface Message {
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/** Kept for a put that was not answered, and is sent again. */
const rememberedMs = 120_000;
/** Pieces on their way at a time, of one value. */
const piecesMax = 4;
/** A key that others change without end is given up. */
const changesMax = 64;
const wrongLastSequence = 10_071;
const streamNotFound = 10_059;
const nameInUse = 10_058;
const subjectsOverlap = 10_065;
/** So often a stream that is being made is looked for, and added, and so long after the last time. */
const makingTriesMax = 20;
const makingPauseMs = 100;
/** Room for a piece and its headers. */
const payloadBytesMin = pieceBytesMax + 4_096;

export class NatsBucket {
  readonly name: string;
  readonly stream: string;
  readonly #link: NatsLink;
  readonly #pieces: string;

  /** Makes the streams at their first use; `replicas` counts only then. */
  static async open(link: NatsLink, name: string, replicas: number): Promise<NatsBucket> {
    const bucket = new NatsBucket(link, name);
    const payloadBytes = link.connection.info?.max_payload ?? 0;
    if (payloadBytes < payloadBytesMin) {
      const text = `registry: NATS takes messages of ${payloadBytes} bytes (max_payload), and must take ${payloadBytesMin}`;
      throw new RegistryError('InvalidOption', text, { payloadBytes, payloadBytesMin });
    }
    const common = { num_replicas: replicas, max_msgs_per_subject: 1, duplicate_window: nanos(rememberedMs) };
    await bucket.#make({
      ...common,
      name: bucket.stream,
      subjects: [`$KV.${name}.>`],
      deny_delete: true,
      allow_rollup_hdrs: true,
      // Any replica may answer a direct get, also one that is behind.
      allow_direct: false,
    });
    await bucket.#make({ ...common, name: bucket.#pieces, subjects: [`pieces.${name}.>`], allow_direct: true });
    return bucket;
  }

  private constructor(link: NatsLink, name: string) {
    this.#link = link;
    this.name = name;
    this.stream = `KV_${name}`;
    this.#pieces = `PIECES_${name}`;
  }

  /** Asked of the stream's leader: what was answered to anybody is in it. */
  async last(key: string): Promise<Stored | null> {
    return this.#lastUnder(`get of ${key}`, subjectOf(this.name, key));
  }

  /** The revision of the newest change under a filter of subjects; 0: there is none. */
  async lastRevision(filter: string): Promise<number> {
    return (await this.#lastUnder(`watch of ${filter}`, filter))?.revision ?? 0;
  }

  /**
   * Rejects with `RegistryConflict`. `before`: what is known to be under the key; undefined: nothing is known. Resolves with its revision,
   * and with what it has replaced, if that was known.
   */
  async write(
    key: string,
    message: Message,
    expected: number | null,
    before?: Stored | null,
  ): Promise<{ revision: number; replaced: Stored | null }> {
    const id = nuid.next();
    let known = before;
    for (let change = 0; change < changesMax; change++) {
      if (known !== undefined) checkRevision(key, known, expected);
      const wanted = known === undefined ? expected : (known?.revision ?? 0);
      try {
        return { revision: await this.#publish(key, message, id, wanted), replaced: known ?? null };
      } catch (error) {
        if (!isApiError(error, wrongLastSequence)) throw error;
      }
      const found = await this.last(key);
      // An earlier attempt has come through, and the stream had forgotten that.
      if (found?.id === id) return { revision: found.revision, replaced: known ?? null };
      known = found;
    }
    const text = `registry: ${key} was changed by others ${changesMax} times while it was to be changed`;
    throw new RegistryError('Overloaded', text, { key, changesMax });
  }

  async #publish(key: string, { headers, data }: Message, id: string, expected: number | null): Promise<number> {
    const { seq } = await this.#link.ask(`change of ${key}`, (timeout) =>
      this.#link.stream.publish(subjectOf(this.name, key), data, {
        headers,
        timeout,
        msgID: id,
        expect: { streamName: this.stream, ...(expected === null ? {} : { lastSubjectSequence: expected }) },
      }),
    );
    return seq;
  }

  async putPieces(value: Uint8Array): Promise<PiecesRef> {
    const id = nuid.next();
    const waiting = [...piecesOf(value).entries()];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const subject = this.#pieceSubject(id, String(next[0]));
        const piece = next[1];
        await this.#link.ask(`put of ${value.byteLength} bytes`, (timeout) =>
          this.#link.stream.publish(subject, piece, { timeout, msgID: subject, expect: { streamName: this.#pieces } }),
        );
      }
    };
    await Promise.all(Array.from({ length: piecesMax }, work));
    return { id, sizeBytes: value.byteLength };
  }

  /** Null: they have been removed. */
  async getPieces({ id, sizeBytes }: PiecesRef): Promise<Uint8Array | null> {
    const value = new Uint8Array(sizeBytes);
    const waiting = Array.from({ length: Math.ceil(sizeBytes / pieceBytesMax) }, (_, piece) => piece);
    let isWhole = true;
    const work = async () => {
      for (let piece = waiting.shift(); piece !== undefined && isWhole; piece = waiting.shift()) {
        const at = piece * pieceBytesMax;
        const bytes = await this.#getPiece(this.#pieceSubject(id, String(piece)));
        if (bytes?.byteLength === Math.min(pieceBytesMax, sizeBytes - at)) value.set(bytes, at);
        else isWhole = false;
      }
    };
    await Promise.all(Array.from({ length: piecesMax }, work));
    return isWhole ? value : null;
  }

  /** If it fails they stay, and take room. */
  async removePieces({ id }: PiecesRef): Promise<void> {
    const filter = this.#pieceSubject(id, '>');
    await this.#link.ask(`delete of ${id}`, () => this.#link.manager.streams.purge(this.#pieces, { filter })).catch(() => undefined);
  }

  /** From any replica; from the leader where that one is behind. */
  async #getPiece(subject: string): Promise<Uint8Array | null> {
    const near = await this.#link.ask(`get of ${subject}`, (timeout) =>
      this.#link.connection.request(`$JS.API.DIRECT.GET.${this.#pieces}.${subject}`, undefined, { timeout }),
    );
    if (!near.headers?.code) return near.data;
    const found = await this.#link.ask(`get of ${subject}`, () =>
      this.#link.manager.streams.getMessage(this.#pieces, { last_by_subj: subject }),
    );
    return found?.data ?? null;
  }

  async #lastUnder(what: string, subject: string): Promise<Stored | null> {
    const found = await this.#link.ask(what, () => this.#link.manager.streams.getMessage(this.stream, { last_by_subj: subject }));
    return found && storedOf(found.seq, found.header, found.data);
  }

  #pieceSubject(id: string, piece: string): string {
    return `pieces.${this.name}.${id}.${piece}`;
  }

  async #make(config: Partial<StreamConfig> & { name: string; subjects: string[] }): Promise<void> {
    const wanted = { ...config, storage: StorageType.File, retention: RetentionPolicy.Limits, discard: DiscardPolicy.New };
    const found = await this.#findOrAdd(wanted);
    const { subjects, max_msgs_per_subject, allow_direct } = found.config;
    if (String(subjects) === String(config.subjects) && max_msgs_per_subject === 1 && allow_direct === config.allow_direct) return;
    const text = `registry: NATS has a stream ${config.name} which is not of a registry: take another clusterName, or remove it`;
    throw new RegistryError('InvalidOption', text, { stream: config.name });
  }

  /**
   * Two that add a stream at once may both be refused, and so may an attempt after one whose answer was late: it is looked for, and
   * added, again. If it is never there, the refusal was about another's stream.
   */
  async #findOrAdd(wanted: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    const { streams } = this.#link.manager;
    const what = `open of ${wanted.name}`;
    for (let left = makingTriesMax; ; left--) {
      try {
        return await this.#link.ask(what, () => streams.info(wanted.name));
      } catch (error) {
        if (!isApiError(error, streamNotFound)) throw error;
      }
      try {
        return await this.#link.ask(what, () => streams.add(wanted));
      } catch (refusal) {
        if ((!isApiError(refusal, nameInUse) && !isApiError(refusal, subjectsOverlap)) || left <= 1) throw refusal;
      }
      await sleep(makingPauseMs);
    }
  }
}

export function checkRevision(key: string, found: Stored | null, expected: number | null): void {
  const actual = found && !found.isGone ? found.revision : 0;
  if (expected !== null && expected !== actual) throw conflict(key, expected, actual);
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
