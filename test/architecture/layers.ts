/**
 * Which folder may import which. What is not allowed here is refused.
 *
 *     scenarios, mapreduce ─► (the package by its name: just what a user can import)
 *        api    ─► cluster ─► actors ─► storage/object.ts (only the nouns)
 *                    └──────► storage
 */
import type { Import } from './imports.ts';

export interface Layer {
  /** Its files: those that start with this and are in no layer above it in the list. */
  readonly files: string;
  /** Beginnings of files and names. */
  readonly mayImport: readonly string[];
}

/** Modules of Node and packages, but not our own by its name: the layers are for what is in the house. */
const outside = 'outside:';

/** What actors share: what may be said, the definition of an app as data, and the nouns of storage. */
const spoken = [
  'src/actors/protocol/',
  'src/actors/actor.ts',
  'src/actors/app.ts',
  'src/actors/sparse.ts',
  'src/actors/packing.ts',
  'src/storage/object.ts',
];
/** Apps are checked against the primitives there are; their types are in definitions and messages. */
const primitives = 'src/actors/bucket/primitives/';

export const layers: readonly Layer[] = [
  { files: 'src/storage/', mayImport: ['src/storage/', outside] },
  { files: 'src/actors/protocol/', mayImport: [...spoken, primitives] },
  ...['bucket', 'client', 'coordinator', 'executor', 'scheduler'].map((actor) => ({
    files: `src/actors/${actor}/`,
    mayImport: [`src/actors/${actor}/`, ...spoken, primitives, 'xstate'],
  })),
  // No actor, but decisions all the same: what an executor decides alone.
  { files: 'src/actors/solo/', mayImport: ['src/actors/solo/', ...spoken, primitives] },
  { files: 'src/actors/', mayImport: [...spoken, primitives] },
  { files: 'src/cluster/', mayImport: ['src/cluster/', 'src/actors/', 'src/storage/', outside] },
  { files: 'src/api/', mayImport: ['src/api/', 'src/index.ts', 'src/cluster/', 'src/actors/', 'src/storage/', outside] },
  { files: 'src/index.ts', mayImport: ['src/api/'] },
  // On the public interface alone.
  { files: 'src/mapreduce/', mayImport: ['src/mapreduce/', 'pheromone', 'node:'] },
  { files: 'scenarios/', mayImport: ['scenarios/', 'pheromone', 'pheromone/mapreduce', outside] },
];

export interface Exception {
  readonly from: string;
  readonly to: string;
  readonly because: string;
}

export const exceptions: readonly Exception[] = [
  {
    from: 'src/actors/coordinator/',
    to: 'src/actors/bucket/state.ts',
    because: 'it tells app-scoped buckets of the one session they have',
  },
  ...[
    ['errors.ts', 'what user code catches is thrown in executors'],
    ['thrown.ts', 'what user code throws is read in executors'],
    ['definitions.ts', 'bundles import it under the name of the package'],
    ['context.ts', 'executors implement it'],
    ['define-app.ts', 'a loaded module is searched for its app'],
    ['bucket.ts', 'the context takes buckets'],
    ['fn.ts', 'executors call handlers'],
    ['entries.ts', 'a send is an entry'],
    ['call-options.ts', 'an announcement is checked as one of a call'],
    ['option-rules.ts', 'options given to the context are checked as those of a call'],
  ].map(([file, because = '']) => ({ from: 'src/cluster/', to: `src/api/${file}`, because: `executors run user code: ${because}` })),
];

export function layerOf(file: string): Layer | undefined {
  return layers.find(({ files }) => file.startsWith(files));
}

export function exceptionFor({ from, to }: Import): Exception | undefined {
  return exceptions.find((exception) => from.startsWith(exception.from) && to === exception.to);
}

/** Why the import is refused; null if it is allowed. */
export function refusal(edge: Import): string | null {
  const { from, to, isFile, isDynamic } = edge;
  const layer = layerOf(from);
  if (!layer) return `${from} is in no layer: give its folder a place in test/architecture/layers.ts`;
  if (isDynamic && from.startsWith('src/actors/')) return `${from} imports ${to} at run time, which is I/O`;
  const isAllowed = layer.mayImport.some((start) => (start === outside ? !isFile && !isOurPackage(to) : isWithin(to, start)));
  return isAllowed || exceptionFor(edge) ? null : `${from} imports ${to}; ${layer.files} may import ${layer.mayImport.join(', ')}`;
}

function isWithin(to: string, start: string): boolean {
  return /[/:]$/.test(start) ? to.startsWith(start) : to === start;
}

function isOurPackage(name: string): boolean {
  return /^pheromone(\/|$)/.test(name);
}
