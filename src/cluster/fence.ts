/**
 * Fencing: a coordinator that has lost a shard, and has not heard of it, must not act for it beside its successor.
 *
 *   Y4  What begins something at a worker names the epoch of its shard: the revision of the registry's entry that made the sender its
 *       owner. A worker takes nothing of an older epoch than it has seen. What only ends something names what it ends, and needs none.
 */
import type { Message } from '../actors/protocol/message.ts';
import { shardOf } from '../actors/protocol/session-id.ts';
import type { Outlet } from './host.ts';
import type { ClusterView } from './view.ts';

/** Null: it begins nothing. */
function shardBegunIn(message: Message): number | null {
  if (message.kind === 'startSession') return shardOf(message.spec.app);
  if (message.kind === 'installApp') return shardOf(message.definition.name);
  return message.kind === 'hostBucket' ? shardOf(message.identity.app) : null;
}

/** A coordinator's way to others. What it says of a shard that is not its own any more is not sent. */
export function stamping(outlet: Outlet | null, name: string, { shards }: Pick<ClusterView, 'shards'>): Outlet | null {
  if (!outlet) return null;
  return {
    send(to, message) {
      const shard = shardBegunIn(message);
      if (shard === null) return outlet.send(to, message);
      const { owner, epoch } = shards.get(shard) ?? {};
      if (owner === name && epoch !== undefined) outlet.send(to, { ...message, epoch } as Message);
    },
  };
}

/** At a worker. */
export class Fence {
  /** The newest epoch by shard. */
  readonly #epochs = new Map<number, number>();

  admits(message: Message): boolean {
    const shard = shardBegunIn(message);
    if (shard === null) return true;
    const { epoch } = message as { readonly epoch?: number | null };
    const newest = this.#epochs.get(shard) ?? 0;
    if (typeof epoch !== 'number' || epoch < newest) return false;
    this.#epochs.set(shard, epoch);
    return true;
  }
}
