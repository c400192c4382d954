/** What a client keeps of sessions that it has started (`client/calls.ts`). */
import test from 'ava';
import { Out, type Effect } from '../../../src/actors/actor.ts';
import { clientHandlers } from '../../../src/actors/client/handlers.ts';
import { createClient } from '../../../src/actors/client/state.ts';
import type { AskCall, ClientMessage } from '../../../src/actors/protocol/client.ts';

const started: AskCall = {
  kind: 'askCall',
  request: 1,
  app: 'app',
  entries: [],
  expects: [],
  until: 'open',
  requestId: null,
  timeoutMs: null,
  admitTimeoutMs: 1,
  retries: 0,
  deadlineMs: null,
  priority: 5,
};

class Driver {
  readonly state = createClient('client:test', 'coordinator', { resultsBytesMax: 1_000 }, () => 0.5);

  tell(message: ClientMessage): readonly Effect[] {
    const handle = clientHandlers.open[message.kind] as (state: unknown, message: ClientMessage, turn: Out) => readonly Effect[];
    return handle(this.state, message, new Out({ nowMs: 1, random: () => 0.5 }));
  }

  /** Its id. */
  start(requestId: string | null): string {
    this.tell({ ...started, requestId });
    const [id = ''] = this.state.records.keys();
    this.tell({ kind: 'sessionOpened', session: id, existing: id });
    return id;
  }
}

const ref = { encoding: 0, sizeBytes: 1, inline: new Uint8Array(1), offset: -1 };
const output = { kind: 'sessionOutput', app: 'app', index: 0, from: 'f', ref, called: false } as const;

test('client: of a started session for which nobody waits it keeps the id, and knows the rest when something comes', (t) => {
  const driver = new Driver();
  const id = driver.start(null);
  t.deepEqual([driver.state.records.size, [...driver.state.quiet]], [0, [id]]);
  driver.tell({ ...output, session: id });
  t.deepEqual([driver.state.records.size, driver.state.quiet.size], [1, 0]);
  const answer = driver.tell({ kind: 'askResult', request: 2, session: id, until: 'output', timeoutMs: null });
  t.like(answer.at(-1), { kind: 'settle', request: 2, reply: { kind: 'outputsReady', outputs: [ref] } });
});

test('client: who waits is told, and when he has given up, the id is enough again', (t) => {
  const driver = new Driver();
  const id = driver.start(null);
  driver.tell({ kind: 'askResult', request: 2, session: id, until: 'output', timeoutMs: 10 });
  t.is(driver.state.quiet.size, 0);
  driver.tell({ kind: 'callTimeoutReached', request: 2 });
  t.deepEqual([driver.state.records.size, driver.state.quiet.size], [0, 1]);
});

test('client: a session with an id of its user’s is known by that', (t) => {
  const driver = new Driver();
  driver.start('mine');
  t.deepEqual([driver.state.records.size, driver.state.quiet.size], [1, 0]);
});

test('client: a session ends once, however often it is told', (t) => {
  const driver = new Driver();
  const id = driver.start('mine');
  const history = { objects: 0, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
  const summary = { id, app: 'app', revision: 1, state: 'failed', openedMs: 0, endedMs: 1, error: null, history } as const;
  const first = driver.tell({ kind: 'sessionEnded', summary });
  t.true(first.some(({ kind }) => kind === 'notify'));
  t.deepEqual(driver.tell({ kind: 'sessionEnded', summary: { ...summary, state: 'ended' } }), []);
  t.is(driver.state.openSessions, 0);
});

test('client: who starts a session with an id that another client has used joins that; who calls is told that it is another’s', (t) => {
  const driver = new Driver();
  const ask = (request: number, until: 'open' | 'output') => {
    driver.tell({ ...started, request, until, requestId: `mine-${request}` });
    const [id = ''] = [...driver.state.records.keys()].slice(-1);
    return driver.tell({ kind: 'sessionOpened', session: id, existing: 'theirs' }).filter(({ kind }) => kind === 'settle');
  };
  t.like(ask(1, 'open'), [{ request: 1, reply: { kind: 'sessionReady', session: 'theirs' } }]);
  t.like(ask(2, 'output'), [{ request: 2, reply: { kind: 'requestRefused', error: { code: 'UnknownSession' } } }]);
  t.deepEqual([driver.state.records.size, driver.state.byRequestId.size, driver.state.openSessions], [0, 0, 0]);
});
