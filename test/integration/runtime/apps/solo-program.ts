/**
 * Random programs: trees of objects, each of which says what the function does that gets it. A program follows from its number, so
 * that an object need only name the program and its own place in it.
 *
 * What a program comes to does not depend on the order in which its functions happen to run: sets are filled by one function, or once
 * for each key; batches and groups are counted, and nothing follows from what is in them.
 */
export type Target = 'work' | 'far' | 'named' | 'set' | 'gather' | 'batch' | 'groups';

export const setKeys = ['a', 'b', 'c'];
export const gatherKeys = ['g0', 'g1', 'g2', 'g3'];

export interface Node {
  readonly bucket: Target;
  /** Null: it is sent without one. */
  key: string | null;
  group: string | null;
  /** What its function sends, by the numbers of the nodes, in order. */
  readonly sends: number[];
  /** Before which of them it waits, for how long, and how: for a timer, or in a loop. */
  pause: { readonly at: number; readonly ms: number; readonly spins: boolean } | null;
  outputs: boolean;
  /** Asks for an object, which only the session's home can answer. */
  asks: boolean;
  /** Characters beside what is needed. */
  pad: number;
  delayMs: number;
}

type Random = (below: number) => number;

/** A small generator (mulberry32), the same in all threads. */
function randomOf(seed: number): Random {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Programs whose number is a multiple of four have functions that are placed `spread`; of three, groups. */
export function makeProgram(seed: number): readonly Node[] {
  const random = randomOf(seed);
  const nodes: Node[] = [];
  const add = (bucket: Target, parent: Node | null, key: string | null): Node => {
    const node: Node = { bucket, key, group: null, sends: [], pause: null, outputs: false, asks: false, pad: 0, delayMs: 0 };
    parent?.sends.push(nodes.length);
    nodes.push(node);
    return node;
  };
  // The nodes whose functions surely run.
  const spreads = seed % 4 === 0;
  const sure = [add(spreads && random(3) === 0 ? 'far' : 'work', null, 'root')];
  const anyOf = (candidates: readonly Node[]): Node => candidates[random(candidates.length)] as Node;
  const grow = (count: number) => {
    for (let i = 0; i < count; i++) {
      const kind = random(10);
      const parent = anyOf(sure);
      if (kind < 5) sure.push(add('work', parent, random(3) === 0 ? null : `n${nodes.length}`));
      else if (kind === 5) sure.push(add(spreads ? 'far' : 'work', parent, `n${nodes.length}`));
      else if (kind === 6) sure.push(add('named', parent, 'go'));
      else if (kind === 7) add('named', parent, 'stop');
      else if (kind === 8) add('batch', parent, `n${nodes.length}`);
      else if (seed % 3 === 0) add('groups', parent, `n${nodes.length}`).group = ['x', 'y', null][random(3)] as string | null;
    }
  };
  grow(random(8));
  if (random(2) === 0) addSet(anyOf(sure), add, random);
  if (random(2) === 0) {
    const senders = [...sure];
    for (const key of gatherKeys) {
      const node = add('gather', anyOf(senders), key);
      if (key === gatherKeys[0]) sure.push(node);
    }
  }
  grow(random(8));
  anyOf(sure).outputs = true;
  // One that nobody has to wait for runs solo to its end.
  const isCalm = random(2) === 0;
  for (const node of nodes) dress(node, { isRoot: node === nodes[0], isCalm }, random);
  return nodes;
}

/** One function sends all parts, some perhaps too often; what joins them sends on what the part `a` says. */
function addSet(parent: Node, add: (bucket: Target, parent: Node | null, key: string | null) => Node, random: Random): void {
  for (let i = 3 + random(4); i > 0; i--) {
    const key = setKeys[random(3)] as string;
    const part = add('set', parent, key);
    if (key === 'a' && random(2) === 0) add('work', part, null);
  }
}

/** Of a program that is not calm, a sixth of the functions spins and a sixth waits. */
function dress(node: Node, { isRoot, isCalm }: { readonly isRoot: boolean; readonly isCalm: boolean }, random: Random): void {
  const how = random(6);
  if (how < 2 && !isCalm) node.pause = { at: random(node.sends.length + 1), ms: random(4), spins: how === 0 };
  node.asks = !isCalm && random(20) === 0;
  // The client sends it, and by the short way only if it is small.
  if (isRoot) return;
  // What is late in a set would change what is superseded.
  node.delayMs = !isCalm && node.bucket !== 'set' && random(20) === 0 ? random(3) : 0;
  node.pad = random(4) === 0 ? ([100, 900, 1_500, 5_000][random(4)] as number) : 0;
  if (node.bucket === 'work' && random(4) === 0) node.group = 'some';
}
