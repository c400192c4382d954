/** Of each kind that a client `~abc` at `c1` may say, one that it could have said: with something in each field that may be null. */
import type { AppDefinition, TriggerDefinition } from '../../../src/actors/app.ts';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Entry, Expectation } from '../../../src/actors/protocol/object.ts';
import { createSessionIdMaker, makeSessionId } from '../../../src/actors/protocol/session-id.ts';

export type Fields = Record<string, unknown>;

interface Said {
  /** Whom it is for. */
  readonly actor: string;
  readonly message: Fields;
}

const id = makeSessionId(
  createSessionIdMaker(() => 0.5),
  1_000,
  'app',
);
const backoff = { initialMs: 1, factor: 2, maxMs: 10 };
const bytes = new Uint8Array([1, 2]);

const trigger: TriggerDefinition = {
  name: 't',
  bucket: 'in',
  primitive: 'bySet',
  options: { keys: ['a'] },
  function: 'f',
  rerun: { source: 'f', key: 'a', timeoutMs: 10, attemptsMax: 2, backoff },
  traits: { scope: 'session', sources: ['f'], followsCompletion: false, absorbsLoss: false, flushesAtEnd: true, isAnnounced: false },
};

const definition: AppDefinition = {
  name: 'app',
  module: 'file:///app.ts',
  buckets: [{ name: 'in', external: false }],
  functions: [
    { name: 'f', sends: ['in'], timeoutMs: 10, retry: { attemptsMax: 2, backoff }, concurrency: 1, placement: 'near' },
    { name: 'g', sends: null, timeoutMs: null, retry: { attemptsMax: 1, backoff }, concurrency: 1, placement: 'spread' },
  ],
  triggers: [trigger],
  customPrimitives: ['mine'],
};

const inline: Entry = { bucket: 'in', key: 'k', group: 'g', ref: { encoding: 1, sizeBytes: 2, inline: bytes, offset: -1 } };
const remote = { node: '~abc/c1', incarnation: 5, offset: 3, serial: 0 };
const far: Entry = { bucket: 'in', key: 'l', group: null, ref: { encoding: 0, sizeBytes: 1_000_000, inline: null, offset: -1, remote } };
const expects: readonly Expectation[] = [
  { bucket: 'in', group: 'g', keys: ['a', 'b'], count: null },
  { bucket: 'in', group: null, keys: null, count: 3 },
];

const client = 'client:local@~abc/c1';
const owner = 'registry-client@~abc/c1';
const answers = 'answers@~abc/c1';

function said(actor: string, kind: string, fields: Fields): Said {
  return { actor, message: { kind, ...fields } };
}

export const genuine = {
  registerApp: said('coordinator@c2', 'registerApp', {
    request: 1,
    client,
    definition,
    bundle: { hash: 'h', code: '', content: 'c', module: 'file:///app.ts' },
  }),
  unregisterApp: said('coordinator', 'unregisterApp', { request: 1, client, app: 'app' }),
  changeApp: said('coordinator', 'changeApp', { request: 1, client, app: 'app', change: { kind: 'addTrigger', trigger } }),
  drainApp: said('coordinator', 'drainApp', { request: 1, client, app: 'app' }),
  openSession: said('coordinator@c1', 'openSession', {
    spec: {
      id,
      app: 'app',
      requestId: 'mine',
      client,
      called: true,
      entries: [inline, far],
      expects,
      priority: 5,
      deadlineMs: 1_000,
      admitTimeoutMs: 0,
      retryOf: id,
    },
  }),
  putObjects: said('coordinator', 'putObjects', { request: 1, client, session: id, entries: [inline, far] }),
  getObjects: said('coordinator', 'getObjects', { request: 1, client, session: id, bucket: 'in', key: 'k' }),
  querySession: said('coordinator', 'querySession', { request: 1, client: answers, session: 'mine' }),
  cancelSession: said('coordinator', 'cancelSession', { request: -1, client, session: id, reason: 'why not' }),
  soloCall: said('gate@w1', 'soloCall', { client, call: 1, incarnation: 5, app: 'app', entries: [inline], timeoutMs: 10 }),
  soloGivenUp: said('gate@w1', 'soloGivenUp', { client, call: 1, reason: 'why not' }),
  soloRecall: said('gate@w1', 'soloRecall', { owner: answers, request: 1, app: 'app', session: id }),
  statsAsked: said('stats@w1', 'statsAsked', { owner: answers, request: 1 }),
  fetchObject: said('objects@w1', 'fetchObject', {
    owner: 'imports@~abc/c1',
    request: 1,
    incarnation: 5,
    offset: 64,
    serial: 9,
    sizeBytes: 100,
  }),
  objectPiece: said('imports@w1', 'objectPiece', { request: 1, at: 0, bytes }),
  fetchRefused: said('imports@w1', 'fetchRefused', {
    request: 1,
    error: errorData('InputsLost', 'it is gone', { offset: 1 }, true, { name: 'Error', message: 'm', stack: 's' }),
  }),
  releaseBlocks: said('store@w1', 'releaseBlocks', { owner: client, offsets: [0, 64], serials: [1, 9] }),
  registryGet: said('registry', 'registryGet', { owner, request: 1, key: 'members/w1' }),
  registryList: said('registry', 'registryList', { owner, request: 1, prefix: 'members/' }),
  registryPiece: said('registry', 'registryPiece', { owner, request: 1, bytes }),
  registryPut: said('registry', 'registryPut', { owner, request: 1, key: 'bundles/1', sizeBytes: 2, bytes, expected: 0, ttlMs: 1_000 }),
  registryWatch: said('registry@c1', 'registryWatch', { owner, watch: 1, prefix: 'members/' }),
  registryUnwatch: said('registry', 'registryUnwatch', { owner, watch: 1 }),
};
