/**
 * What a coordinator does: it knows the apps of its shard, admits and places their sessions, and is home to app-scoped triggers.
 *
 * It shares nothing with other coordinators and loads no user code. The verbs are in the files beside this one, a noun each.
 */
import { type Address, type Handler, type HandlerTable, ignore, Out, send } from '../actor.ts';
import type { CoordinatorMessage } from '../protocol/coordinator.ts';
import { errorData } from '../protocol/error.ts';
import { failInstall, noteInstalled, requestChange, restoreApp } from './apps.ts';
import { admitAppObject, stepAppBucket } from './app-triggers.ts';
import { startDrain } from './drain.ts';
import type { CoordinatorPlace } from './machine.ts';
import { askForPlaces, placeAll, takeOffer } from './placement.ts';
import { unknownApp } from './refusals.ts';
import { adoptSession, askSession, closeSession, describeClosed, endWait, noteLoad, openSession } from './sessions.ts';
import type { CoordinatorState } from './state.ts';
import { addWorker, removeWorker } from './workers.ts';

type Message<K extends CoordinatorMessage['kind']> = Extract<CoordinatorMessage, { kind: K }>;

function decide<M>(part: (state: CoordinatorState, message: M, out: Out) => void): Handler<CoordinatorState, M> {
  return (state, message, turn) => {
    const out = new Out(turn);
    part(state, message, out);
    return out.effects;
  };
}

const drainApp = decide<Message<'drainApp'>>((state, { app: name, client, request }, out) => {
  const app = state.apps.get(name);
  if (app?.current) startDrain(state, app, client, request, out);
  else out.push(send(client, { kind: 'requestRefused', request, error: unknownApp(state, name) }));
});

const closed = errorData('RuntimeClosed', 'the coordinator is stopping: it takes nothing more');

const refuse: Handler<CoordinatorState, { readonly client: Address; readonly request: number }> = (_, { client, request }) => [
  send(client, { kind: 'requestRefused', request, error: closed }),
];

export const coordinatorHandlers: HandlerTable<CoordinatorPlace, CoordinatorState, CoordinatorMessage> = {
  serving: {
    registerApp: decide(requestChange),
    changeApp: decide(requestChange),
    unregisterApp: decide(requestChange),
    drainApp,
    openSession: decide((state, { spec }, out) => openSession(state, spec, out)),
    putObjects: decide(askSession),
    getObjects: decide(askSession),
    querySession: decide(askSession),
    cancelSession: decide(askSession),
    admissionTimeoutReached: decide((state, { session }, out) => endWait(state, session, out)),
    appInstalled: decide(noteInstalled),
    appInstallFailed: decide(failInstall),
    appRestored: decide(restoreApp),
    workerJoined: decide(addWorker),
    workerLeft: decide(removeWorker),
    placementAsked: decide(askForPlaces),
    slotsOffered: decide(takeOffer),
    placementTimeoutReached: decide((state, _, out) => placeAll(state, out)),
    stopCoordinator: () => [{ kind: 'become', event: 'close' }],
    sessionAdopted: decide(adoptSession),
    sessionClosed: decide((state, { summary }, out) => closeSession(state, summary, out)),
    sessionNotOpen: decide(describeClosed),
    workerLoad: decide((state, { worker, accepts }, out) => noteLoad(state, worker, accepts, out)),
    appObjectReady: decide(admitAppObject),
    bucketStepped: decide(stepAppBucket),
    bucketSettled: ignore,
  },
  closed: {
    registerApp: refuse,
    changeApp: refuse,
    unregisterApp: refuse,
    drainApp: refuse,
    openSession: (_, { spec }) => [send(spec.client, { kind: 'sessionRefused', session: spec.id, error: closed })],
    putObjects: refuse,
    getObjects: refuse,
    querySession: refuse,
    cancelSession: refuse,
    admissionTimeoutReached: ignore,
    appInstalled: ignore,
    appInstallFailed: ignore,
    appRestored: ignore,
    workerJoined: ignore,
    workerLeft: ignore,
    placementAsked: ignore,
    slotsOffered: ignore,
    placementTimeoutReached: ignore,
    stopCoordinator: ignore,
    sessionAdopted: ignore,
    sessionClosed: ignore,
    sessionNotOpen: refuse,
    workerLoad: ignore,
    appObjectReady: ignore,
    bucketStepped: ignore,
    bucketSettled: ignore,
  },
};
