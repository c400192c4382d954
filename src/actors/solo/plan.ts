/**
 * What of an app can run solo: its triggers, compiled for one executor that evaluates them alone.
 *
 * Sessions start solo if nothing in the app needs to be counted elsewhere from the first moment on. What only some buckets or
 * triggers need (app scope, user code, timers, the end of a group's sources) sends a session home when it gets there.
 */
import type { AppTable, AppTrigger } from '../app.ts';
import { builtInPrimitives } from '../bucket/primitives/index.ts';
import type { Primitive } from '../bucket/primitives/primitive.ts';

export interface SoloTrigger {
  readonly index: number;
  readonly bucket: number;
  readonly function: number;
  readonly primitive: Primitive;
  readonly options: unknown;
  /** What it holds is flushed once nothing can feed it any more: its home does that, at the latest before the session ends. */
  readonly isLate: boolean;
  /** Fires once for every object (`always`), for every object with `key` (`key`), or as its state says. */
  readonly fires: 'always' | 'key' | 'state';
  readonly key: string | null;
}

export interface SoloBucket {
  /** What comes here is evaluated elsewhere. */
  readonly isElsewhere: boolean;
  readonly triggers: readonly SoloTrigger[];
}

export interface SoloPlan {
  readonly buckets: readonly SoloBucket[];
  /** Of all triggers, by index; undefined: evaluated elsewhere. */
  readonly triggers: readonly (SoloTrigger | undefined)[];
  /** By function index: whether it rather runs on another executor than the one before. */
  readonly spreads: readonly boolean[];
}

/** Whether its sessions may start solo: what such a session does is known to its executor alone. */
export function canRunSolo({ triggers, hasExternalBucket }: AppTable): boolean {
  // A redundant trigger counts losses and aborts sources; a rerun watches the clock; an external bucket hears from others.
  return !hasExternalBucket && !triggers.some(({ rerun, traits }) => rerun !== null || traits.absorbsLoss);
}

export function planSolo(table: AppTable): SoloPlan {
  const triggers = table.triggers.map(compile);
  const buckets = table.buckets.map(({ index, hasAppTriggers }): SoloBucket => {
    const known = (table.triggersOf[index] ?? []).map((trigger) => triggers[trigger.index]);
    const compiled = known.filter((trigger) => trigger !== undefined);
    return { isElsewhere: hasAppTriggers || compiled.length < known.length, triggers: compiled };
  });
  return { buckets, triggers, spreads: table.functions.map(({ placement }) => placement === 'spread') };
}

function compile({ index, bucketIndex, functionIndex, primitive: kind, options, traits }: AppTrigger): SoloTrigger | undefined {
  const primitive = builtInPrimitives.get(kind);
  // A group fires when its sources are finished, whatever else still runs: its home counts who does.
  if (!primitive || traits.scope === 'app' || traits.followsCompletion) return undefined;
  const fires = kind === 'immediate' ? 'always' : kind === 'byName' ? 'key' : 'state';
  return {
    index,
    bucket: bucketIndex,
    function: functionIndex,
    primitive,
    options,
    isLate: traits.flushesAtEnd,
    fires,
    key: fires === 'key' ? (options as { readonly key: string }).key : null,
  };
}
