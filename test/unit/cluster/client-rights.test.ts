/** What a client may say to nodes. */
import test from 'ava';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { mayClientSay } from '../../../src/cluster/client-rights.ts';
import { fieldsOf } from '../../../src/cluster/wire/fields.ts';

const own = 'client:local@~abc/c1';
const may = (to: string, message: object) => mayClientSay('~abc', { to, message: message as Message });

test('client rights: requests go to their actor, and are answered to the client itself', (t) => {
  t.true(may('coordinator@c2', { kind: 'registerApp', request: 1, client: own }));
  t.true(may('coordinator', { kind: 'openSession', spec: { client: own } }));
  t.true(may('gate@w1', { kind: 'soloCall', client: own }));
  t.true(may('registry', { kind: 'registryGet', owner: 'registry-client@~abc/c1', key: 'members/w1' }));
  t.true(may('imports@w1', { kind: 'objectPiece', request: 1 }));
  t.false(may('scheduler@w1', { kind: 'openSession', spec: { client: own } }));
  t.false(may('coordinators@c2', { kind: 'registerApp', client: own }));
});

test('client rights: nobody else is made to hear the answer', (t) => {
  for (const address of ['registry-client@w1', 'client:local@~abcd/c1', 'client:local@~ab/c1', '~abc/c1', '', 7, 'x@~abc']) {
    t.false(may('registry', { kind: 'registryGet', owner: address, key: 'x' }), String(address));
    t.false(may('coordinator', { kind: 'openSession', spec: { client: address } }), String(address));
  }
});

test('client rights: it puts code and durable objects, and can be no member, take no shard, delete nothing', (t) => {
  const owner = 'registry-client@~abc/c1';
  const put = (key: unknown) => may('registry', { kind: 'registryPut', owner, key });
  t.true(put('bundles/1234') && put('publishing/1234') && put('durable/1234'));
  for (const key of ['members/evil', 'shards/3', 'apps/x', 'xdurable/', '', null]) t.false(put(key), String(key));
  t.false(may('registry', { kind: 'registryDelete', owner, key: 'durable/1234' }));
});

test('client rights: of all messages there are few that it may say, and none that nodes say to each other', (t) => {
  const kinds = Object.keys(fieldsOf);
  const actors = ['coordinator', 'scheduler', 'registry', 'gate', 'stats', 'objects', 'imports', 'store', 'front', 'solo', 'client:local'];
  const said = kinds.filter((kind) => actors.some((actor) => may(`${actor}@n1`, { kind, key: 'durable/1' })));
  t.true(said.length > 20 && said.length < 26, said.join(' '));
  for (const kind of [
    'startSession',
    'lodge',
    'installApp',
    'workerJoined',
    'workerLoad',
    'requestDone',
    'registryAnswer',
    'registryDelete',
  ])
    t.true(kinds.includes(kind) && !said.includes(kind), kind);
});
