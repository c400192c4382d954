/**
 * Each session that was opened ends exactly once for its client, within its deadline, and with all its outputs told before, in
 * order, none twice.
 */
import type { SessionSpec } from '../../../src/actors/protocol/session.ts';
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

interface Row {
  readonly spec: Pick<SessionSpec, 'deadlineMs'>;
  outputs: number;
  hasEnded: boolean;
  /** The client could not get an output, or its home is no more: he is told that it has failed, and more may be said of it. */
  isLost: boolean;
}

/** Timers are exact, but what a handler decides takes a turn. */
const slackMs = 1;

export class EndsOnce implements Checker<Pick<World, 'config'>> {
  readonly name = 'ends once';
  readonly #sessions = new Map<string, Row>();
  /** What each output that a thread sent is: invocation and ordinal. */
  readonly #outputs = new WeakMap<object, string>();
  readonly #delivered = new Set<string>();

  see(event: WorldEvent, world: Pick<World, 'config'>): void {
    if (event.kind === 'left' && event.message.kind === 'sessionOutput')
      this.#deliver(event.message.session, this.#outputs.get(event.message.ref));
    if (event.kind === 'outputLost') this.#lose(event.session);
    if (event.kind !== 'handled') return;
    const { message } = event;
    if (message.kind === 'startSession')
      this.#sessions.set(message.spec.id, { spec: message.spec, outputs: 0, hasEnded: false, isLost: false });
    if (message.kind === 'adoptSession')
      this.#sessions.set(message.session, { spec: { deadlineMs: null }, outputs: 0, hasEnded: false, isLost: false });
    if (message.kind === 'lodgerOutput') this.#outputs.set(message.ref, `${message.invocation}/${message.ordinal}`);
    if (message.kind === 'outputSent') this.#outputs.set(message.ref, `${message.invocation}/${message.ordinal}`);
    if (event.host !== 'client') return;
    if (message.kind === 'sessionOutput') this.#output(message.session, message.index);
    if (message.kind === 'sessionEnded') {
      const { id, openedMs, endedMs, error, history } = message.summary;
      const row = this.#sessions.get(id);
      if (row?.isLost) row.hasEnded = true;
      // Its home may be gone before it has heard of it.
      if (row?.isLost || (!row && error?.code === 'WorkerLost')) return;
      insist(row !== undefined && !row.hasEnded, this, () => `session ${id} ends ${row ? 'again' : 'and was never opened'}`);
      row.hasEnded = true;
      insist(row.outputs === history.outputs, this, () => `session ${id} has given ${history.outputs} outputs, ${row.outputs} have come`);
      const { deadlineMs, deadlineExternalMs } = world.config;
      const limitMs = row.spec.deadlineMs ?? Math.max(deadlineMs, deadlineExternalMs);
      insist(
        (endedMs ?? Number.POSITIVE_INFINITY) - openedMs <= limitMs + slackMs,
        this,
        () => `session ${id} ended ${(endedMs ?? 0) - openedMs} ms after its start; its deadline is ${limitMs}`,
      );
    }
  }

  end(): void {
    for (const [id, { hasEnded }] of this.#sessions) insist(hasEnded, this, () => `session ${id} has never ended for its client`);
  }

  /** One that was over may have been told so in vain. */
  homeGone(id: string, wasOpen: boolean): void {
    const row = this.#sessions.get(id);
    if (!row) return;
    row.isLost = true;
    row.hasEnded ||= !wasOpen;
  }

  #lose(session: string): void {
    const row = this.#sessions.get(session);
    insist(row !== undefined, this, () => `session ${session} gives an output, and was never opened`);
    row.isLost = true;
    row.hasEnded = true;
  }

  #deliver(session: string, output: string | undefined): void {
    const id = `${session} ${output}`;
    insist(!this.#delivered.has(id), this, () => `output ${output} of session ${session} is delivered twice`);
    this.#delivered.add(id);
  }

  #output(session: string, index: number): void {
    const row = this.#sessions.get(session);
    if (row?.isLost) return;
    insist(row !== undefined && !row.hasEnded, this, () => `session ${session} gives an output, but is not open`);
    insist(index === row.outputs, this, () => `output ${index} of session ${session} comes after ${row.outputs} others`);
    row.outputs++;
  }
}
