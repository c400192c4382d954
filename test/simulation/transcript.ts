/** What happened in a world, a line for each message that an actor handled, and a hash of it all. */
import { createHash } from 'node:crypto';
import type { Reply } from '../../src/actors/protocol/client.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import type { Input } from '../../src/actors/protocol/object.ts';
import type { Ref } from '../../src/storage/object.ts';
import type { WorldEvent } from './events.ts';

/** Fields that say the same in every line, or too much. */
const untold = new Set(['app', 'revision', 'coordinator', 'definition', 'bundle', 'triggers', 'client', 'owner', 'openedMs', 'endedMs']);

export class Transcript {
  readonly #hash = createHash('sha256');
  readonly #startMs: number;
  readonly #lines: string[] | null;
  readonly #sessions = new Map<string, string>();

  /** `keep`: for people; else only the hash is made. */
  constructor(startMs: number, keep: boolean) {
    this.#startMs = startMs;
    this.#lines = keep ? [] : null;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** Of all so far. */
  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  take(event: WorldEvent, nowMs: number): void {
    const text = this.#describe(event);
    if (text !== null) this.note(nowMs, text);
  }

  note(nowMs: number, text: string): void {
    const line = `${(nowMs - this.#startMs).toFixed(1).padStart(8)} ${text}`;
    this.#hash.update(line);
    this.#lines?.push(line);
  }

  #describe(event: WorldEvent): string | null {
    switch (event.kind) {
      case 'handled':
        return `${event.to.padEnd(22)} ${this.#message(event.message)}`;
      case 'left':
        return event.to.startsWith('thread:') ? `${event.to.padEnd(22)} ${this.#message(event.message)}` : null;
      case 'settled':
        return `${'user'.padEnd(22)} ${this.#message(event.reply)}`;
      case 'soloCalled':
        return `solo call of ${event.app}: ${event.session}`;
      case 'asked':
      case 'threadSent':
      case 'block':
      case 'read':
      case 'outputRead':
      case 'outputLost':
      case 'notified':
      case 'bug':
      case 'stepped':
        return null;
    }
  }

  #message(message: Message | Reply): string {
    const words: string[] = [message.kind];
    for (const [field, value] of Object.entries(message)) {
      const word = field === 'kind' ? null : this.#word(field, value);
      if (word !== null) words.push(word);
    }
    return words.join(' ');
  }

  #word(field: string, value: unknown): string | null {
    if (value === null || value === undefined || untold.has(field)) return null;
    if (typeof value === 'string') return `${field}=${this.#name(value)}`;
    if (typeof value === 'number' || typeof value === 'boolean') return `${field}=${value}`;
    if (Array.isArray(value)) return value.length === 0 ? null : `${field}=[${value.map((item) => this.#item(item)).join(', ')}]`;
    if (field === 'ref') return refText(value as Ref);
    return `${field}={${this.#record(value)}}`;
  }

  #item(item: unknown): string {
    if (typeof item === 'string') return this.#name(item);
    if (typeof item !== 'object' || item === null) return String(item);
    if ('ref' in item && 'key' in item) return inputText(item as Input);
    if ('inline' in item) return refText(item as Ref);
    return `{${this.#record(item)}}`;
  }

  #record(record: object): string {
    return Object.entries(record)
      .map(([field, value]) => this.#word(field, value))
      .filter((word) => word !== null)
      .join(' ');
  }

  /** Sessions by the order in which they were seen: their ids tell people nothing. */
  #name(text: string): string {
    if (!/^[0-9A-HJKMNP-TV-Z]{26}$/.test(text)) return text;
    let name = this.#sessions.get(text);
    if (!name) {
      name = `s${this.#sessions.size + 1}`;
      this.#sessions.set(text, name);
    }
    return name;
  }
}

function inputText({ key, group, ref }: Input): string {
  return `${key}${group === null ? '' : `/${group}`} ${refText(ref)}`;
}

function refText({ sizeBytes, offset }: Ref): string {
  return `(${sizeBytes} B${offset >= 0 ? ` at ${offset}` : ''})`;
}
