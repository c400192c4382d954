/** What a client learns of its sessions when its way to the cluster was interrupted (`cluster/open-sessions.ts`). */
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { SessionState, SessionSummary } from '../../../src/actors/protocol/session.ts';
import { OpenSessions } from '../../../src/cluster/open-sessions.ts';

const unknown: Message = { kind: 'requestRefused', request: 1, error: errorData('UnknownSession', 'never was') };
const busy: Message = { kind: 'requestRefused', request: 1, error: errorData('Overloaded', 'no owner now') };

function done(id: string, state: SessionState, outputs: number): Message {
  const history = { objects: 0, outputs, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
  const result: SessionSummary = { id, app: 'app', revision: 1, state, openedMs: 0, endedMs: null, error: null, history };
  return { kind: 'requestDone', request: 1, result };
}

function output(session: string): Message {
  const ref = { encoding: 0, sizeBytes: 0, inline: new Uint8Array(), offset: -1 };
  return { kind: 'sessionOutput', session, app: 'app', index: 0, from: 'f', ref, called: true };
}

/** A client whose sessions' coordinators give these answers, in turn; the last for ever. */
class Asking {
  readonly told: Message[] = [];
  readonly asked: string[] = [];
  readonly sessions: OpenSessions;

  constructor(answers: Readonly<Record<string, readonly (Message | null)[]>>) {
    const next = new Map<string, number>();
    this.sessions = new OpenSessions({
      pauseMs: 0,
      query: async (session) => {
        this.asked.push(session);
        const turn = next.get(session) ?? 0;
        next.set(session, turn + 1);
        return answers[session]?.[turn] ?? answers[session]?.at(-1) ?? null;
      },
      tell: (message) => {
        this.sessions.note(message);
        this.told.push(message);
      },
    });
    for (const session of Object.keys(answers)) this.sessions.add(session, 'c1');
  }

  /** What was told: of which session, and how it is. */
  get outcomes(): readonly string[] {
    return this.told.map((message) => {
      if (message.kind === 'sessionOpened') return `${message.session} open`;
      if (message.kind !== 'sessionEnded') return message.kind;
      return `${message.summary.id} ${message.summary.state} ${message.summary.error?.code ?? ''}`.trim();
    });
  }
}

test('open sessions: Q1, Q2: what has ended meanwhile is told, what is open goes on, what nobody knows has failed', async (t) => {
  const asking = new Asking({ a: [done('a', 'ended', 0)], b: [done('b', 'open', 0)], c: [unknown], d: [done('d', 'ended', 1)] });
  asking.sessions.note(output('d'));
  await asking.sessions.inquire();
  t.deepEqual(asking.outcomes, ['a ended', 'b open', 'c failed CoordinatorLost', 'd ended']);
  t.deepEqual(asking.asked, ['a', 'b', 'c', 'd']);
  // Only b is still open.
  await asking.sessions.inquire();
  t.deepEqual(asking.asked.slice(4), ['b']);
});

test('open sessions: Q2: an output that does not come is lost, and its call does not wait for ever', async (t) => {
  const asking = new Asking({ late: [done('late', 'ended', 1)], lost: [done('lost', 'open', 1)] });
  const inquiring = asking.sessions.inquire();
  await new Promise(setImmediate);
  asking.sessions.note(output('late'));
  await inquiring;
  t.deepEqual([...asking.outcomes].sort(), ['late ended', 'lost failed CoordinatorLost']);
});

test('open sessions: Q1: who does not answer is asked again, and not for ever', async (t) => {
  const asking = new Asking({ a: [null, busy, done('a', 'ended', 0)], b: [null] });
  await asking.sessions.inquire();
  t.deepEqual(asking.outcomes, ['a ended', 'b failed CoordinatorLost']);
  t.is(asking.asked.filter((session) => session === 'b').length, 5);
});

test('open sessions: a later interruption asks anew, and each session ends once', async (t) => {
  const asking = new Asking({ a: [null, done('a', 'ended', 0)] });
  await Promise.all([asking.sessions.inquire(), asking.sessions.inquire()]);
  t.deepEqual(asking.outcomes, ['a ended']);
  asking.sessions.add('b', 'c2');
  asking.sessions.lose('c2');
  t.deepEqual(asking.outcomes.slice(1), ['b failed CoordinatorLost']);
});

test('open sessions: outputs of one that ran solo before may have been told another way', async (t) => {
  const asking = new Asking({ a: [done('a', 'open', 1)] });
  asking.sessions.add('a', 'c1', true);
  await asking.sessions.inquire();
  t.deepEqual(asking.outcomes, ['a open']);
});

test('open sessions: Q3: a session fails once for its lost outputs, and its end is not told', async (t) => {
  const asking = new Asking({ a: [done('a', 'ended', 2)], b: [unknown] });
  const { sessions } = asking;
  t.deepEqual([sessions.outputLost('a'), sessions.outputLost('a')], [true, false]);
  const { result } = done('a', 'failed', 2) as { readonly result: SessionSummary };
  const ended: Message = { kind: 'sessionEnded', summary: result };
  t.deepEqual([sessions.note(ended), sessions.note(ended)], [false, true]);
  await sessions.inquire();
  t.deepEqual(asking.asked, ['b']);
});

test('open sessions: of a session whose id another has nothing is kept', async (t) => {
  const asking = new Asking({ a: [unknown] });
  t.true(asking.sessions.note({ kind: 'sessionOpened', session: 'a', existing: 'b' }));
  await asking.sessions.inquire();
  t.deepEqual([asking.asked, asking.outcomes], [[], []]);
});
