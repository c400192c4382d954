/** What checkers see of a cluster, in worlds with an actor that was broken on purpose: one must complain, or it checks nothing. */
import test from 'ava';
import type { Address, Effect } from '../../src/actors/actor.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import type { ActorDefinition } from '../../src/cluster/host.ts';
import { dropping, sending, twice } from './breaking.ts';
import { Complaint } from './checkers/checker.ts';
import { ClusterWorld } from './cluster/world.ts';
import { type AnyHandler, withEveryHandler, withHandler } from './spawn-hook.ts';

type Definition = ActorDefinition<unknown>;

interface Breakage {
  /** The checker that must see it. */
  readonly checker: string;
  /** What is broken: the test's title. */
  readonly how: string;
  readonly actor: (address: Address, definition: Definition) => Definition;
}

const seedsMax = 60;

const scheduler = (change: (definition: Definition) => Definition) => (address: Address, definition: Definition) =>
  address === 'scheduler' ? change(definition) : definition;

const coordinator = (change: (definition: Definition) => Definition) => (address: Address, definition: Definition) =>
  address === 'coordinator' ? change(definition) : definition;

const says =
  (kind: Message['kind']) =>
  (effect: Effect): boolean =>
    effect.kind === 'send' && effect.message.kind === kind;

/** What answers to lodgers name, for them and for its row. */
const releasingAnswered =
  (handler: AnyHandler): AnyHandler =>
  (state, message, turn) =>
    handler(state, message, turn).flatMap((effect): Effect[] => {
      if (effect.kind !== 'send' || effect.message.kind !== 'lodgerAnswer') return [effect];
      const held = effect.message.objects.filter(({ ref }) => ref.offset >= 0);
      return [
        effect,
        ...held.flatMap(({ ref: { offset } }): Effect[] => [
          { kind: 'release', offset },
          { kind: 'release', offset },
        ]),
      ];
    });

const breakages: readonly Breakage[] = [
  {
    checker: 'fires once',
    how: 'a home lodges an attempt twice',
    actor: scheduler((definition) => withHandler(definition, 'placed', twice(says('lodge')))),
  },
  {
    checker: 'inputs pinned',
    how: 'a home does not hold the inputs of what is away',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'placed',
        dropping(({ kind }) => kind === 'pin'),
      ),
    ),
  },
  {
    checker: 'sealed first',
    how: 'a host does not adopt what lodgers send',
    actor: scheduler((definition) =>
      withHandler(
        definition,
        'outputSent',
        dropping(({ kind }) => kind === 'adopt'),
      ),
    ),
  },
  {
    checker: 'sealed first',
    how: 'a home lets go of what a lodger has asked for',
    actor: scheduler((definition) => withEveryHandler(definition, releasingAnswered)),
  },
  {
    checker: 'ends once',
    how: 'an output of a lodger is given twice',
    actor: scheduler((definition) => withHandler(definition, 'lodgerOutput', twice(says('sessionOutput')))),
  },
  {
    checker: 'store empty',
    how: 'a host keeps what lodgers have sent',
    actor: scheduler((definition) => withHandler(definition, 'checkOut', () => () => [])),
  },
  {
    checker: 'ends in time',
    how: 'a host does not say that a lodger has ended',
    actor: scheduler((definition) => withHandler(definition, 'attemptEnded', dropping(says('lodgerEnded')))),
  },
  {
    checker: 'lodgers in order',
    how: 'it is not said of which session the attempt is that is to stop',
    actor: scheduler((definition) =>
      withEveryHandler(
        definition,
        sending((message) => [message.kind === 'unlodge' ? ({ ...message, session: null } as unknown as Message) : message]),
      ),
    ),
  },
  {
    checker: 'all answered',
    how: 'nobody hears of sessions whose worker has died',
    actor: coordinator((definition) => withHandler(definition, 'workerLeft', dropping(says('sessionEnded')))),
  },
];

/** The first complaint, and nothing else that the breakage leads to: a broken world may break in other ways too. */
async function complaint({ checker: only, actor: mutate }: Breakage): Promise<string | null> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const world = new ClusterWorld({ seed, mutate, only });
    try {
      await world.run();
    } catch (error) {
      if (error instanceof Complaint) return error.message;
    }
  }
  return null;
}

for (const breakage of breakages) {
  test(`simulated cluster: checker "${breakage.checker}" complains when ${breakage.how}`, async (t) => {
    const text = await complaint(breakage);
    t.truthy(text, `no complaint in ${seedsMax} worlds`);
    t.log(text);
  });
}
