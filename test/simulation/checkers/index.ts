/** All checkers, anew for each world. */
import { Bounds } from './bounds.ts';
import { BytesAsWritten } from './bytes-as-written.ts';
import type { Checker } from './checker.ts';
import { EndsOnce } from './ends-once.ts';
import { EndsQuiet } from './ends-quiet.ts';
import { FiresOnce } from './fires-once.ts';
import { GroupWaits } from './group-waits.ts';
import { InputsPinned } from './inputs-pinned.ts';
import { NothingLeft } from './nothing-left.ts';
import { ProducerOrder } from './producer-order.ts';
import { Reference } from './reference.ts';
import { SealedFirst } from './sealed-first.ts';
import { SettledOnce } from './settled-once.ts';
import { StoreEmpty } from './store-empty.ts';

export function allCheckers(): Checker[] {
  return [
    new SealedFirst(),
    new BytesAsWritten(),
    new FiresOnce(),
    new InputsPinned(),
    new StoreEmpty(),
    new SettledOnce(),
    new EndsOnce(),
    new EndsQuiet(),
    new Bounds(),
    new NothingLeft(),
    new ProducerOrder(),
    new GroupWaits(),
    new Reference(),
  ];
}
