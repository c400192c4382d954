/** What a client may say to nodes. */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { refusalOf } from '../../../src/cluster/client-rights.ts';
import { decodeFrame, encodeFrame } from '../../../src/cluster/wire/codec.ts';
import { fieldsOf } from '../../../src/cluster/wire/fields.ts';
import { type Fields, genuine } from './client-messages.ts';

/** As a node gets it. */
const may = (to: string, message: object) => refusalOf('~abc', { to, message: message as Message }) === null;
const { registerApp, openSession, soloCall, registryGet, registryPut, putObjects, objectPiece } = genuine;

test('client rights: B1: requests go to their actor', (t) => {
  t.true(may('coordinator@c2', registerApp.message));
  t.true(may('coordinator', openSession.message));
  t.true(may('gate@w1', soloCall.message));
  t.true(may('imports@w1', objectPiece.message));
  t.false(may('scheduler@w1', openSession.message));
  t.false(may('coordinators@c2', registerApp.message));
});

test('client rights: B2: nobody else is made to hear the answer', (t) => {
  const bad = ['registry-client@w1', 'client:local@~abcd/c1', 'client:local@~ab/c1', '~abc/c1', '', 7, 'x@~abc', null, undefined, {}];
  for (const address of bad) {
    t.false(may('registry', { ...registryGet.message, owner: address }), JSON.stringify(address));
    t.false(may('coordinator', { kind: 'openSession', spec: { ...(openSession.message['spec'] as object), client: address } }));
  }
});

test('client rights: B3: it puts code and durable objects, and can be no member, take no shard, delete nothing', (t) => {
  const put = (key: unknown) => may('registry', { ...registryPut.message, key });
  t.true(put('bundles/1234') && put('publishing/1234') && put('durable/1234'));
  for (const key of ['members/evil', 'shards/3', 'apps/x', 'xdurable/', '', null]) t.false(put(key), String(key));
  t.false(may('registry', { kind: 'registryDelete', owner: 'x@~abc/c1', request: 1, key: 'durable/1234', expected: null }));
});

test('client rights: of all messages there are few that it may say, and none that nodes say to each other', (t) => {
  const said = Object.keys(genuine);
  t.true(said.length > 20 && said.length < 26, said.join(' '));
  const actors = ['coordinator', 'scheduler', 'registry', 'gate', 'stats', 'objects', 'imports', 'store', 'front', 'solo', 'client:local'];
  // A message with the fields of all of them.
  const everything = Object.assign({}, ...Object.values(genuine).map(({ message }) => message)) as Fields;
  for (const kind of Object.keys(fieldsOf)) {
    if (said.includes(kind)) continue;
    t.false(
      actors.some((actor) => may(`${actor}@n1`, { ...everything, kind })),
      kind,
    );
  }
});

for (const [kind, { actor, message }] of Object.entries(genuine)) {
  test(`client rights: B4: ${kind}: what a client says is admitted, as it comes`, (t) => {
    t.deepEqual(Object.keys(message).toSorted(), ['kind', ...fieldsOf[kind as Message['kind']]].toSorted(), 'no field is left out here');
    const [envelope] = decodeFrame(encodeFrame([{ to: actor, message: message as unknown as Message }]));
    t.is(refusalOf('~abc', envelope!), null);
  });

  test(`client rights: B4: ${kind}: a field that is missing, null, or of another type is refused`, (t) => {
    const [envelope] = decodeFrame(encodeFrame([{ to: actor, message: message as unknown as Message }]));
    let tried = 0;
    for (const { path, value } of partsOf(envelope!.message)) {
      for (const other of othersThan(kind, path, value)) {
        const changed = withPart(envelope!.message, path, other) as Message;
        t.is(refusalOf('~abc', { to: actor, message: changed })?.field, path[0], `${path.join('.')}: ${typeof other} ${String(other)}`);
        tried++;
      }
    }
    t.true(tried >= 6 * (Object.keys(message).length - 1));
  });
}

test('client rights: B5: objects that it gives are in the message, or with the client', (t) => {
  const withRef = (ref: object) => may('coordinator', { ...putObjects.message, entries: [{ bucket: 'b', key: 'k', group: null, ref }] });
  const inline = { encoding: 0, sizeBytes: 2, inline: new Uint8Array(2), offset: -1 };
  const far = { encoding: 0, sizeBytes: 9, inline: null, offset: -1, remote: { node: '~abc/c1', incarnation: 1, offset: 4, serial: 0 } };
  t.true(withRef(inline) && withRef(far));
  for (const bad of [
    { ...inline, offset: 0 },
    { ...inline, inline: null, offset: 64 },
    { ...inline, inline: null },
    { ...inline, sizeBytes: 3 },
    { ...inline, encoding: 200 },
    { ...inline, remote: far.remote },
    { ...far, sizeBytes: -1 },
    { ...far, offset: 64 },
    ...['w1', '~abcd/c1', '~abc'].map((node) => ({ ...far, remote: { ...far.remote, node } })),
  ])
    t.false(withRef(bad), JSON.stringify(bad));
  const entry = { bucket: 'b', key: 'k', group: null, ref: far };
  t.false(may('gate@w1', { ...soloCall.message, entries: [entry] }), 'a gate fetches nothing');
});

test('client rights: B4: bounds that others count on', (t) => {
  const spec = openSession.message['spec'] as Fields;
  const opens = (change: Fields) => may('coordinator', { kind: 'openSession', spec: { ...spec, ...change } });
  const expects = (keys: unknown, count: unknown) => opens({ expects: [{ bucket: 'b', group: null, keys, count }] });
  t.true(opens({ priority: 0 }) && opens({ deadlineMs: null, retryOf: null, requestId: null }) && expects(null, 3));
  for (const priority of [-1, 10]) t.false(opens({ priority }));
  for (const id of ['', 'mine', 'u'.repeat(26)]) t.false(opens({ id }));
  t.false(expects(['a', 'a'], null) || expects(['a'], 1) || expects(null, null) || expects(null, -1));
  t.false(may('coordinator', { ...genuine.changeApp.message, change: { kind: 'constructor' } }));
  t.false(may('objects@w1', { ...genuine.fetchObject.message, sizeBytes: -1 }));
});

type Path = readonly string[];

/** Whatever is in it. */
const isOpaque = (path: Path) => path.at(-1) === 'options' || path.at(-1) === 'detail';
/** May be null, which it is not in the messages that are tried; wherever it is, or there alone. */
const nullable = new Set([
  ...['group', 'requestId', 'deadlineMs', 'retryOf', 'sends', 'rerun', 'thrown', 'stack'],
  ...['getObjects key', 'soloRecall app', 'soloRecall session', 'registryPut expected', 'registryPut ttlMs', 'soloCall timeoutMs'],
  ...['registerApp definition functions 0 timeoutMs', 'registerApp definition triggers 0 rerun key', 'changeApp change trigger rerun key'],
]);
/** Their bounds are the coordinator's to check, which says what is wrong. */
const ofDefinitions = new Set(['attemptsMax', 'initialMs', 'factor', 'maxMs', 'concurrency']);

/** Every field, and every item, to the last. */
function* partsOf(value: unknown, path: Path = []): Generator<{ path: Path; value: unknown }> {
  if (path.length > 0) yield { path, value };
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isOpaque(path)) return;
  for (const [name, part] of Object.entries(value)) if (path.length > 0 || name !== 'kind') yield* partsOf(part, [...path, name]);
}

const samples = [undefined, null, true, 7, 'text', [1], { a: 1 }, new Uint8Array(3), 2n];

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return value instanceof Uint8Array ? 'bytes' : typeof value;
}

function othersThan(kind: string, path: Path, value: unknown): unknown[] {
  const name = path.at(-1) ?? '';
  if (name === 'options') return [];
  // Of what else it might be there is another, which is not null. Of an announcement's two fields the other may be missing.
  if (value === null) return [undefined, true].filter((other) => other !== undefined || (name !== 'keys' && name !== 'count'));
  const mayBeNull = nullable.has(name) || nullable.has([kind, ...path].join(' '));
  const others = samples.filter((other) => typeOf(other) !== typeOf(value) && !(other === null && mayBeNull));
  const isWhole = typeof value === 'number' && !ofDefinitions.has(name) && !path.includes('definition') && !path.includes('change');
  return isWhole ? [...others, Number.NaN, 7.5, Number.POSITIVE_INFINITY, 2 ** 60] : others;
}

function withPart(value: unknown, [name, ...rest]: Path, part: unknown): unknown {
  if (name === undefined) return part;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Fields;
  copy[name] = withPart((value as Fields)[name], rest, part);
  return copy;
}
