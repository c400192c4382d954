/** The refs in a message (`wire/refs.ts`). */
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { decodeFrame, encodeFrame } from '../../../src/cluster/wire/codec.ts';
import { mapRefs, refsOf } from '../../../src/cluster/wire/refs.ts';
import type { Ref } from '../../../src/storage/object.ts';

let made = 0;
const ref = (): Ref => ({ encoding: 0, sizeBytes: ++made, inline: null, offset: made * 64 });
const input = (of = ref()) => ({ key: 'k', group: null, session: 's', ref: of });
const entry = (of = ref()) => ({ bucket: 'in', key: 'k', group: null, ref: of });
const spec = (...entries: readonly ReturnType<typeof entry>[]) => ({
  id: 's',
  app: 'app',
  requestId: null,
  client: 'c',
  called: true,
  entries,
  expects: [],
  priority: 5,
  deadlineMs: null,
  admitTimeoutMs: 0,
  retryOf: null,
});
const name = { session: 's', invocation: 1, attempt: 1 };
const lodge = {
  kind: 'lodge',
  home: 'h',
  ...name,
  app: 'app',
  revision: 1,
  function: 0,
  priority: 5,
  failure: null,
  ifFree: false,
} as const;
const start = { kind: 'startSession', coordinator: 'c', revision: 1, owned: [], announces: false, failure: null } as const;
const sent = { bucket: 0, key: 'k', ordinal: 0, group: null, delayMs: 0 };
const app = { worker: 'w', object: 1, app: 'app', bucket: 'in', source: 0, sourceFunction: null };
const asked = { request: 1, client: 'c', session: 's' };
const error = errorData('SessionEnded', '');

/** Of each kind that goes from node to node and names objects, one; and how many it names. */
const naming: readonly (readonly [number, Message])[] = [
  [1, { kind: 'objectSent', invocation: 1, attempt: 1, ...sent, ref: ref() }],
  [1, { kind: 'outputSent', invocation: 1, attempt: 1, ordinal: 1, ref: ref() }],
  [1, { kind: 'lodgerOutput', ...name, ordinal: 1, ref: ref(), failure: null }],
  [1, { kind: 'sessionOutput', session: 's', app: 'app', index: 0, from: 'f', ref: ref(), called: true }],
  [2, { ...lodge, inputs: [input(), input()], owned: [] }],
  [2, { kind: 'lodgerAnswer', home: 'h', ...name, request: 1, error: null, objects: [input(), input()], owned: [] }],
  [2, { kind: 'objectsFound', request: 1, objects: [input(), input()] }],
  [3, { ...start, spec: spec(entry(), entry()), firing: null, inputs: [input()] }],
  [2, { kind: 'openSession', spec: spec(entry(), entry()) }],
  [1, { kind: 'sessionAdopted', worker: 'w', spec: spec(entry()) }],
  [2, { kind: 'putObjects', ...asked, entries: [entry(), entry()] }],
  [1, { kind: 'putIntoSession', ...asked, entries: [entry()] }],
  [1, { kind: 'appObjectReady', ...app, input: input() }],
  [2, { kind: 'requestRefused', request: 1, error, outputs: [ref(), ref()] }],
  [1, { kind: 'durablePut', owner: 'c', request: 1, key: 'k', ref: ref() }],
  [2, { kind: 'run', invocation: 1, attempt: 1, app: 'app', revision: 1, function: 0, session: 's', inputs: [input(), input()] }],
];

/** Fields that are called as those with objects are, and have none. */
const others: readonly Message[] = [
  { kind: 'attemptDone', invocation: 1, attempt: 1, objects: 3, outputs: 2, error: null },
  { kind: 'lodgerEnded', ...name, outcome: { kind: 'returned', objects: 3, outputs: 2 }, free: 1 },
  { kind: 'requestRefused', request: 1, error },
  { kind: 'answer', request: 1, error: null, objects: [], ref: null },
  { kind: 'openSession', spec: spec() },
  { kind: 'forwardDue' },
  { kind: 'objectPiece', request: 1, at: 0, bytes: new Uint8Array(3) },
];

const far = (one: Ref): Ref => ({ ...one, offset: -1, remote: { node: 'w1', incarnation: 1, offset: one.offset, serial: 5_000_000_000 } });

for (const [count, message] of naming) {
  test(`refs: ${message.kind}: all of them are found, and changed, wherever they are`, (t) => {
    const found = refsOf(message);
    t.is(found.length, count);
    const copy = structuredClone(message);
    const changed = mapRefs(message, far);
    t.deepEqual(refsOf(changed), found.map(far));
    t.deepEqual(message, copy, 'the message itself is as it was');
    t.deepEqual(
      mapRefs(changed, ({ encoding, sizeBytes, remote }) => ({ encoding, sizeBytes, inline: null, offset: remote?.offset ?? 0 })),
      message,
    );
  });

  test(`refs: ${message.kind}: one in which nothing changes is the same`, (t) => {
    t.is(
      mapRefs(message, (one) => one),
      message,
    );
  });

  test(`refs: ${message.kind}: one that changes leaves the others as they are`, (t) => {
    for (let changing = 0; changing < count; changing++) {
      let seen = 0;
      const changed = refsOf(mapRefs(message, (one) => (seen++ === changing ? far(one) : one)));
      t.deepEqual(
        changed.map(({ remote }) => remote !== undefined),
        Array.from({ length: count }, (_, i) => i === changing),
      );
    }
  });

  test(`refs: ${message.kind}: they come over the wire as they are, near and far`, (t) => {
    for (const one of [message, mapRefs(message, far)]) {
      const [envelope] = decodeFrame(encodeFrame([{ to: 'a', message: one }]));
      t.deepEqual(refsOf(envelope?.message as Message), refsOf(one));
    }
  });
}

for (const message of others) {
  test(`refs: ${message.kind}: has none where it says how many, or nothing`, (t) => {
    t.deepEqual(refsOf(message), []);
    t.is(mapRefs(message, far), message);
  });
}
