/** Each checker, in worlds with an actor or a store that was broken on purpose: it must complain, or it checks nothing. */
import test from 'ava';
import type { Address, Effect } from '../../src/actors/actor.ts';
import type { ActorDefinition } from '../../src/cluster/host.ts';
import type { Node } from '../../src/cluster/node/node.ts';
import { poisonByte } from '../../src/storage/object-store.ts';
import { Complaint } from './checkers/checker.ts';
import { allCheckers } from './checkers/index.ts';
import { doing, dropping, sending, twice } from './breaking.ts';
import { withEveryHandler, withHandler } from './spawn-hook.ts';
import { World } from './world.ts';

type Definition = ActorDefinition<unknown>;

interface Breakage {
  /** The checker that must see it. */
  readonly checker: string;
  /** What is broken: the test's title. */
  readonly how: string;
  readonly actor?: (address: Address, definition: Definition) => Definition;
  readonly store?: (node: Node, segment: Uint8Array) => void;
}

const seedsMax = 60;

const scheduler = (change: (definition: Definition) => Definition) => (address: Address, definition: Definition) =>
  address === 'scheduler' ? change(definition) : definition;

const bucket = (change: (definition: Definition) => Definition) => (address: Address, definition: Definition) =>
  address.startsWith('bucket:') ? change(definition) : definition;

const breakages: readonly Breakage[] = [
  {
    checker: 'sealed first',
    how: 'the scheduler does not adopt what threads send',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'outputSent',
        dropping(({ kind }) => kind === 'adopt'),
      ),
    ),
  },
  {
    checker: 'bytes as written',
    how: 'the store frees a block at its first release',
    store: ({ store }, segment) => {
      const { release } = store;
      store.release = (offset) => {
        segment.fill(poisonByte, offset, offset + 12);
        release.call(store, offset);
      };
    },
  },
  {
    checker: 'fires once',
    how: 'a bucket tells each firing twice',
    actor: bucket((definition) =>
      withHandler(
        definition,
        'objectReady',
        sending((message) => [
          message.kind === 'bucketStepped' ? { ...message, firings: [...message.firings, ...message.firings] } : message,
        ]),
      ),
    ),
  },
  {
    checker: 'fires once',
    how: 'the scheduler handles each step of a bucket twice',
    actor: scheduler((definition) =>
      withHandler(definition, 'bucketStepped', (handler) => (state, message, turn) => [
        ...handler(state, message, turn),
        ...handler(state, message, turn),
      ]),
    ),
  },
  {
    checker: 'inputs pinned',
    how: 'the scheduler does not pin the inputs of attempts',
    actor: scheduler((definition) =>
      withEveryHandler(definition, (handler) => (state, message, turn) => {
        const effects = handler(state, message, turn);
        const starts = effects.some((effect) => effect.kind === 'send' && effect.message.kind === 'invoke');
        return starts ? effects.filter(({ kind }) => kind !== 'pin') : effects;
      }),
    ),
  },
  {
    checker: 'store empty',
    how: 'the scheduler does not release inputs when attempts end',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'attemptEnded',
        dropping(({ kind }) => kind === 'release'),
      ),
    ),
  },
  {
    checker: 'settled once',
    how: 'the client answers a call with each of its outputs',
    actor: (address, definition) =>
      address.startsWith('client:')
        ? withHandler(
            definition,
            'sessionOutput',
            twice(({ kind }) => kind === 'settle'),
          )
        : definition,
  },
  {
    checker: 'settled once',
    how: 'the client forgets to answer who waits for an end',
    actor: (address, definition) =>
      address.startsWith('client:')
        ? withHandler(
            definition,
            'sessionEnded',
            dropping(({ kind }) => kind === 'settle'),
          )
        : definition,
  },
  {
    checker: 'ends once',
    how: 'the scheduler tells each end twice',
    actor: scheduler((definition) =>
      withEveryHandler(
        definition,
        sending((message) => (message.kind === 'sessionEnded' ? [message, message] : [message])),
      ),
    ),
  },
  {
    checker: 'ends once',
    how: 'the scheduler tells each output twice',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'outputSent',
        sending((message) => (message.kind === 'sessionOutput' ? [message, message] : [message])),
      ),
    ),
  },
  {
    checker: 'ends once',
    how: 'deadlines do not end sessions',
    actor: scheduler((definition) => withHandler(definition, 'deadlineReached', () => () => [])),
  },
  {
    checker: 'ends quiet',
    how: 'the scheduler counts a live invocation too few',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'attemptEnded',
        doing((state, message) => {
          const session = message.kind === 'attemptEnded' ? state.invocations.get(message.invocation)?.session : undefined;
          if (session && session.liveTotal > 1) session.liveTotal = 1;
          return [];
        }),
      ),
    ),
  },
  {
    checker: 'bounds',
    how: 'the coordinator admits without limit',
    actor: (address, definition) => {
      if (address !== 'coordinator') return definition;
      Object.assign(definition.state as object, { limits: { ...(definition.state as { limits: object }).limits, sessionsOpenMax: 1e9 } });
      return definition;
    },
  },
  {
    checker: 'nothing left',
    how: 'buckets keep the state of sessions that have ended',
    actor: bucket((definition) => withHandler(definition, 'forgetSession', () => () => [])),
  },
  {
    checker: 'nothing left',
    how: 'the coordinator does not hear that sessions have ended',
    actor: (address, definition) => (address === 'coordinator' ? withHandler(definition, 'sessionClosed', () => () => []) : definition),
  },
  {
    checker: 'producer order',
    how: 'the scheduler admits the entries of a session in the wrong order',
    actor: scheduler((definition) =>
      withHandler(definition, 'startSession', (handler) => (state, message, turn) => reversed(handler(state, message, turn))),
    ),
  },
  {
    checker: 'group waits',
    how: 'the scheduler does not wait for the sources of a group',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'objectSent',
        doing((state, message) => {
          const session = message.kind === 'objectSent' ? state.invocations.get(message.invocation)?.session : undefined;
          const index = [...(session?.late ?? [])].find((late) => session?.table.triggers[late]?.primitive === 'dynamicGroup');
          if (!session || index === undefined) return [];
          session.stepping++;
          const { name, triggers } = session.table;
          return [
            {
              kind: 'send',
              to: `bucket:${name}/${triggers[index]?.bucket}`,
              message: { kind: 'sourcesDone', session: session.number, trigger: index },
            },
          ];
        }),
      ),
    ),
  },
  {
    checker: 'reference',
    how: 'a bucket loses a firing',
    actor: bucket((definition) =>
      withHandler(definition, 'objectReady', (handler) => {
        let steps = 0;
        const lose = sending((message) => [message.kind === 'bucketStepped' && ++steps % 5 === 0 ? { ...message, firings: [] } : message]);
        return lose(handler);
      }),
    ),
  },
];

function reversed(effects: readonly Effect[]): readonly Effect[] {
  const isObject = (effect: Effect) => effect.kind === 'send' && effect.message.kind === 'objectReady';
  const objects = effects.filter(isObject);
  return effects.map((effect) => (isObject(effect) ? (objects.pop() as Effect) : effect));
}

/** The first complaint, and nothing else that the breakage leads to: a broken world may break in other ways too. */
async function complaint({ checker: name, actor, store }: Breakage): Promise<string | null> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const checkers = allCheckers().filter((checker) => checker.name === name);
    const world = new World({
      seed,
      checkers,
      toleratesBugs: true,
      ...(actor && { mutate: actor }),
      ...(store && { mutateStore: store }),
    });
    try {
      await world.run();
    } catch (error) {
      if (error instanceof Complaint) return error.message;
    }
  }
  return null;
}

for (const breakage of breakages) {
  test(`simulation: checker "${breakage.checker}" complains when ${breakage.how}`, async (t) => {
    const text = await complaint(breakage);
    t.truthy(text, `no complaint in ${seedsMax} worlds`);
    t.log(text);
  });
}

test('simulation: every checker has a world that it must complain of', (t) => {
  const covered = new Set(breakages.map(({ checker }) => checker));
  t.deepEqual(
    allCheckers()
      .map(({ name }) => name)
      .filter((name) => !covered.has(name)),
    [],
  );
});
