/** Objects that one producer sends to one bucket are admitted in that order; those of earlier attempts count once. */
import { sessionOf } from '../../../src/actors/scheduler/sleep.ts';
import type { SchedulerState } from '../../../src/actors/scheduler/state.ts';
import type { WorldEvent } from '../events.ts';
import { type Checker, insist } from './checker.ts';

/** Null: where the event is there is none. */
type Part = { readonly scheduler: SchedulerState | null };

export class ProducerOrder implements Checker<Part> {
  readonly name = 'producer order';
  /** By session, bucket and source: the keys that were sent and have not been admitted, in order. */
  readonly #sent = new Map<string, string[]>();
  /** Keys that `delayMs` held back: they come when they come. */
  readonly #heldBack = new Set<string>();

  see(event: WorldEvent, { scheduler }: Part): void {
    if (event.kind !== 'handled' || event.host !== 'node') return;
    const { message } = event;
    if (message.kind === 'startSession')
      for (const { bucket, key } of message.spec.entries) this.#send(message.spec.id, message.spec.app, bucket, 0, key);
    if (message.kind === 'adoptSession') {
      const app = scheduler?.installs.get(message.install);
      // Its invocations get the next numbers, in order.
      const before = (scheduler?.nextInvocation ?? 1) - 1;
      for (const { bucket, key, source } of message.sent) {
        const name = app?.table.buckets[bucket]?.name ?? '';
        this.#send(message.session, app?.table.name ?? '', name, source === 0 ? 0 : before + source, key);
      }
    }
    if (message.kind === 'putIntoSession') {
      const app = (scheduler && sessionOf(scheduler, message.session))?.spec.app ?? '';
      for (const { bucket, key } of message.entries) this.#send(message.session, app, bucket, 0, key);
    }
    if (message.kind === 'objectSent') {
      const { session, origin } = scheduler?.invocations.get(message.invocation) ?? {};
      // Its home is told next.
      if (origin) return;
      const bucket = session?.table.buckets[message.bucket]?.name;
      if (session && bucket) this.#send(session.spec.id, session.table.name, bucket, message.invocation, message.key, message.delayMs > 0);
    }
    if (message.kind === 'objectReady') {
      const { session, source, key } = message.arrival;
      const address = event.to.replace(/^app-/, '');
      const line = `${event.to.startsWith('app-') ? 'app' : 'session'} ${session} ${address} ${source}`;
      this.#admit(line, key);
    }
  }

  #send(session: string, app: string, bucket: string, source: number, key: string, isHeldBack = false): void {
    for (const scope of ['app', 'session']) {
      const line = `${scope} ${session} bucket:${app}/${bucket} ${source}`;
      if (isHeldBack) this.#heldBack.add(`${line} ${key}`);
      else this.#sent.set(line, [...(this.#sent.get(line) ?? []), key]);
    }
  }

  /** Not all are admitted: what an earlier attempt has sent is in the list twice. */
  #admit(line: string, key: string): void {
    const keys = this.#sent.get(line) ?? [];
    const at = keys.indexOf(key);
    if (at >= 0) keys.splice(0, at + 1);
    else insist(this.#heldBack.has(`${line} ${key}`), this, () => `${line}: key ${key} is admitted out of its order`);
  }
}
