/** Which calls a worker's gate takes (`gate.ts`). What becomes of them: `integration/cluster`. */
import test from 'ava';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { Message } from '../../../src/actors/protocol/message.ts';
import { Gate } from '../../../src/cluster/gate.ts';
import type { Node } from '../../../src/cluster/node/node.ts';
import { createSoloMemory } from '../../../src/storage/solo/memory.ts';
import { SoloTable } from '../../../src/storage/solo/table.ts';
import { appOf, on } from '../actors/scheduler-driver.ts';

const client = 'client:local@~u/c1';

test('gate: P2: a call that is for another process of its name is refused', (t) => {
  const said: Message[] = [];
  const definition = appOf({ use: [] }, [on('in', 'immediate', null, 'use')]);
  const host = { deliver: (_: string, message: Message) => void said.push(message) };
  const node = { host, definitionOf: () => definition } as unknown as Node;
  const memory = createSoloMemory(32, 1);
  if (!memory) throw new Error('no memory');
  // Its executor is there.
  new SoloTable(memory).setBusy(0, false);
  const gate = new Gate({ config: { inlineBytesMax: 1_024 }, memory, incarnation: 5, node: () => node });
  t.teardown(() => gate.close(errorData('RuntimeClosed', '')));
  gate.installed({ kind: 'appInstalled', worker: 'scheduler', app: 'app', install: 1, revision: 1 });
  const call = { kind: 'soloCall', client, app: 'app', entries: [], timeoutMs: null } as const;
  gate.take({ ...call, call: 1, incarnation: 5 });
  t.deepEqual(said, [], 'it is taken');
  for (const incarnation of [4, 6]) gate.take({ ...call, call: incarnation, incarnation });
  t.deepEqual(said, [
    { kind: 'soloRefused', call: 4 },
    { kind: 'soloRefused', call: 6 },
  ]);
});
