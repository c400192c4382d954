/** The primitives that every app has. Those of users are wrapped by `custom.ts`, and live in the app's module. */
import { byBatchSize } from './by-batch-size.ts';
import { byName } from './by-name.ts';
import { bySet } from './by-set.ts';
import { byTime } from './by-time.ts';
import { dynamicGroup } from './dynamic-group.ts';
import { dynamicJoin } from './dynamic-join.ts';
import { immediate } from './immediate.ts';
import type { Primitive } from './primitive.ts';
import { redundant } from './redundant.ts';

const all: readonly Primitive[] = [immediate, byName, bySet, dynamicJoin, byBatchSize, byTime, redundant, dynamicGroup];

/** By kind. */
export const builtInPrimitives: ReadonlyMap<string, Primitive> = new Map(all.map((primitive) => [primitive.kind, primitive]));
