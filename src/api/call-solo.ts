/** A call that takes the short way: its session runs in one executor, which the client hands it to directly. */
import { callAborted, callTimedOut } from '../actors/protocol/error.ts';
import type { ClientHost } from '../cluster/client-host.ts';
import { encode } from '../cluster/encode.ts';
import type { ShortCall, ShortCalls, SoloEntry, SoloOutcome } from '../cluster/solo/short-calls.ts';
import { decodeValue } from '../storage/value.ts';
import type { CallOptions } from './call-options.ts';
import type { ClientObjects } from './client-objects.ts';
import type { NamedEntry } from './entries.ts';
import { aborted, orThrow, outcomeOf } from './replies.ts';
import { printed } from './thrown.ts';

export interface SoloUser {
  readonly solo: ShortCalls;
  readonly host: ClientHost;
  readonly objects: ClientObjects;
}

/** Null: it has to go the long way, and nothing has happened. Throws `NotEncodable`. */
export function callSolo(user: SoloUser, app: string, named: readonly NamedEntry[], options: CallOptions): Promise<unknown> | null {
  const { solo, objects } = user;
  const route = isPlain(options) && named.length > 0 ? solo.routeOf(app) : null;
  if (!route) return null;
  const entries = named.map(
    ({ bucket, key, group, value }, i): SoloEntry => ({
      bucket,
      key: key ?? objects.nextKey(),
      group,
      encoded: encode(value, named.length === 1 ? 'value' : `${bucket}[${i}].value`),
    }),
  );
  let settle: (outcome: SoloOutcome) => void = () => undefined;
  const call = solo.call(route, entries, options.timeoutMs ?? null, (outcome) => settle(outcome));
  if (!call) return null;
  const stopWaiting = watch(user, call, options);
  return new Promise((resolve, reject) => {
    settle = (outcome) => {
      stopWaiting?.();
      try {
        resolve(valueOf(outcome, options));
      } catch (error) {
        reject(error);
      }
    };
  });
}

/** What only the session's home can do, it does from the start. */
function isPlain({ id, retries, expect, deadlineMs, priority, until, signal }: CallOptions): boolean {
  const isUsual = id === undefined && !retries && expect === undefined && deadlineMs === undefined && priority === undefined;
  return isUsual && until !== 'end' && !signal?.aborted;
}

function valueOf(outcome: SoloOutcome, { signal }: CallOptions): unknown {
  if (outcome.kind === 'ended') {
    const { output } = outcome;
    return output?.inline ? decodeValue(output.encoding, output.inline) : undefined;
  }
  if (signal?.aborted && outcome.kind === 'requestRefused' && outcome.error.code === 'CallAborted') throw aborted(signal);
  return outcomeOf(orThrow(outcome), 'output', true);
}

/** Once its session is at home, the client actor knows of the call. */
function watch({ solo, host }: SoloUser, call: ShortCall, { timeoutMs, signal }: CallOptions): (() => void) | null {
  if (timeoutMs === undefined && !signal) return null;
  const timeOut = () => {
    const { request } = call;
    if (request !== -1) host.tell({ kind: 'callTimeoutReached', request });
    else void solo.giveUp(call, callTimedOut(solo.sessionOf(call), timeoutMs ?? null));
  };
  const abort = () => {
    const { request } = call;
    const reason = printed(signal?.reason);
    if (request !== -1) host.tell({ kind: 'abandonCall', request, reason });
    else void solo.giveUp(call, callAborted(solo.sessionOf(call), reason));
  };
  const timer = timeoutMs === undefined ? null : setTimeout(timeOut, timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  return () => {
    if (timer) clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
}
