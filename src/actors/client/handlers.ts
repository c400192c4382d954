/** What a client does: it opens sessions for its user, waits for them, and asks coordinators. The verbs of calls are in `calls.ts`. */
import { type Handler, type HandlerTable, ignore, Out, send } from '../actor.ts';
import type { ClientMessage } from '../protocol/client.ts';
import { callAborted, callTimedOut, errorData } from '../protocol/error.ts';
import { askResult, giveUp, noteOpened, noteRefused, openCall, reclaimCall, refused, takeEnd, takeOutput } from './calls.ts';
import type { ClientPlace } from './machine.ts';
import type { ClientState } from './state.ts';

type Message<K extends ClientMessage['kind']> = Extract<ClientMessage, { kind: K }>;

function decide<M>(part: (state: ClientState, message: M, out: Out) => void): Handler<ClientState, M> {
  return (state, message, turn) => {
    const out = new Out(turn);
    part(state, message, out);
    if (state.closing !== null && state.openSessions === 0 && state.asked.size === 0) close(state, out);
    return out.effects;
  };
}

const ask = decide<Message<'ask'>>((state, { to, question, timeoutMs }, out) => {
  const { request } = question;
  state.asked.add(request);
  out.push({ kind: 'startTimer', id: `ask/${request}`, afterMs: timeoutMs, message: { kind: 'requestTimeoutReached', request } });
  out.push(send(to, question));
});

function settleAsked(state: ClientState, reply: Message<'requestDone' | 'requestRefused' | 'objectsFound' | 'answer'>, out: Out): void {
  const { request } = reply;
  if (!state.asked.delete(request)) return releaseFound(state, reply, out);
  out.push({ kind: 'stopTimer', id: `ask/${request}` }, { kind: 'settle', request, reply });
}

/** They come too late for who asked: nobody else will let go of them. */
function releaseFound(state: ClientState, reply: Message<'requestDone' | 'requestRefused' | 'objectsFound' | 'answer'>, out: Out): void {
  if (reply.kind !== 'objectsFound') return;
  const offsets = reply.objects.flatMap(({ ref }) => (ref.offset >= 0 ? [ref.offset] : []));
  if (offsets.length > 0) out.push(send('store', { kind: 'releaseBlocks', owner: state.address, offsets }));
}

const timeOutAsked = decide<Message<'requestTimeoutReached'>>((state, { request }, out) => {
  if (!state.asked.delete(request)) return;
  out.push(refused(request, errorData('CallTimedOut', 'there was no answer in time', {}, true)));
});

const timeOutCall = decide<Message<'callTimeoutReached'>>((state, { request }, out) => {
  const { id, call } = state.waiting.get(request) ?? {};
  giveUp(state, request, callTimedOut(id, call?.request === request ? call.timeoutMs : null), out);
});

const abandonCall = decide<Message<'abandonCall'>>((state, { request, reason }, out) => {
  giveUp(state, request, callAborted(state.waiting.get(request)?.id, reason), out);
});

const startClosing = decide<Message<'askClose'>>((state, { request, drainMs }, out) => {
  state.closing = request;
  out.push({ kind: 'become', event: 'drain' });
  out.push({ kind: 'startTimer', id: 'drain', afterMs: drainMs, message: { kind: 'drainTimeoutReached' } });
});

/** Whoever still waits is told, and nothing is left waiting. */
function close(state: ClientState, out: Out): void {
  const error = errorData('RuntimeClosed', 'the runtime was closed before the session had ended', {});
  for (const request of [...state.waiting.keys()]) out.push({ kind: 'stopTimer', id: `call/${request}` }, refused(request, error));
  for (const request of state.asked) out.push({ kind: 'stopTimer', id: `ask/${request}` }, refused(request, error));
  state.waiting.clear();
  state.asked.clear();
  state.records.clear();
  state.quiet.clear();
  state.byRequestId.clear();
  state.ended.clear();
  state.endedBytes = 0;
  state.openSessions = 0;
  const request = state.closing ?? -1;
  out.push({ kind: 'stopTimer', id: 'drain' }, { kind: 'become', event: 'close' });
  out.push({ kind: 'settle', request, reply: { kind: 'requestDone', request, result: null } });
  state.closing = null;
}

const refuseClosed: Handler<ClientState, { readonly request: number }> = (_, { request }) => [
  refused(request, errorData('RuntimeClosed', 'the runtime is closed, or closing: it takes nothing more', {})),
];

const refuseReclaimed: Handler<ClientState, Message<'reclaimCall'>> = (state, { call, isAnswered }, turn) =>
  isAnswered ? [] : refuseClosed(state, call, turn);

const refuseAsk: Handler<ClientState, Message<'ask'>> = (state, { question }, turn) => refuseClosed(state, question, turn);

const news = {
  requestDone: decide(settleAsked),
  requestRefused: decide(settleAsked),
  objectsFound: decide(settleAsked),
  answer: decide(settleAsked),
  sessionOpened: decide(noteOpened),
  sessionRefused: decide(noteRefused),
  sessionOutput: decide(takeOutput),
  // The host knows which call ran in the slot, and says `reclaimCall` instead; of a slot that it does not know, nothing is to be done.
  sessionReclaimed: ignore,
  reclaimCall: decide(reclaimCall),
  sessionEnded: decide(takeEnd),
  callTimeoutReached: timeOutCall,
  requestTimeoutReached: timeOutAsked,
  abandonCall,
} as const;

export const clientHandlers: HandlerTable<ClientPlace, ClientState, ClientMessage> = {
  open: { ...news, askCall: decide(openCall), askResult: decide(askResult), ask, askClose: startClosing, drainTimeoutReached: ignore },
  closing: {
    ...news,
    askCall: refuseClosed,
    askResult: decide(askResult),
    ask: refuseAsk,
    askClose: refuseClosed,
    drainTimeoutReached: (state, _, turn) => {
      const out = new Out(turn);
      close(state, out);
      return out.effects;
    },
  },
  closed: {
    requestDone: ignore,
    requestRefused: ignore,
    objectsFound: decide((state, message, out) => releaseFound(state, message, out)),
    answer: ignore,
    sessionOpened: ignore,
    sessionRefused: ignore,
    sessionOutput: ignore,
    sessionReclaimed: ignore,
    reclaimCall: refuseReclaimed,
    sessionEnded: ignore,
    callTimeoutReached: ignore,
    requestTimeoutReached: ignore,
    drainTimeoutReached: ignore,
    abandonCall: ignore,
    askCall: refuseClosed,
    askResult: refuseClosed,
    ask: refuseAsk,
    askClose: refuseClosed,
  },
};
