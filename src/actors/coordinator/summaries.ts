/** Summaries of ended sessions, kept for a while: bounded by bytes and by age, the oldest go first. */
import type { SessionSummary } from '../protocol/session.ts';

/** What a summary takes beside its texts: an estimate, so that the bound is one of bytes and not of numbers. */
const rowBytes = 512;

export class Summaries {
  readonly #rows = new Map<
    string,
    { readonly summary: SessionSummary; readonly requestId: string | null; readonly bytes: number; readonly keptMs: number }
  >();
  readonly #bytesMax: number;
  readonly #ageMsMax: number;
  #bytes = 0;

  constructor(bytesMax: number, ageMsMax: number) {
    this.#bytesMax = bytesMax;
    this.#ageMsMax = ageMsMax;
  }

  /** Returns the sessions that had to go, of those to which the user had given an id. */
  keep(summary: SessionSummary, requestId: string | null, nowMs: number): readonly { readonly id: string; readonly requestId: string }[] {
    const bytes = rowBytes + textBytes(summary) + (requestId?.length ?? 0) * 2;
    this.#rows.set(summary.id, { summary, requestId, bytes, keptMs: nowMs });
    this.#bytes += bytes;
    return this.dropOld(nowMs);
  }

  /** Before one is looked for: none may have been kept for long. Returns what `keep` does. */
  dropOld(nowMs: number): readonly { readonly id: string; readonly requestId: string }[] {
    const gone: { id: string; requestId: string }[] = [];
    for (const [id, row] of this.#rows) {
      if (this.#bytes <= this.#bytesMax && nowMs - row.keptMs <= this.#ageMsMax) break;
      this.#rows.delete(id);
      this.#bytes -= row.bytes;
      if (row.requestId !== null) gone.push({ id, requestId: row.requestId });
    }
    return gone;
  }

  get(id: string): SessionSummary | undefined {
    return this.#rows.get(id)?.summary;
  }
}

function textBytes({ error, history }: SessionSummary): number {
  const failure = error ? error.message.length + (error.thrown?.stack?.length ?? 0) + 200 : 0;
  return 2 * (failure + history.functions.length * 100 + history.linkedTo.length * 26);
}
