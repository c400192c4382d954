/**
 * The buckets of an app, as its functions name them.
 */
import type { AppTable } from '../../actors/app.ts';
import { errorData } from '../../actors/protocol/error.ts';
import { type AnyBucket, checkedBucketName } from '../../api/bucket.ts';
import { errors } from '../../api/errors.ts';

/** Who sends: a function, by its index in its app's table. */
interface Sender {
  readonly table: AppTable;
  readonly function: number;
}

/** The newest answer to where a function may send to: it is mostly the next one, too. */
let last: { bucket: AnyBucket | null; table: AppTable | null; function: number; index: number } = {
  bucket: null,
  table: null,
  function: -1,
  index: -1,
};

/** The index of a bucket that `sender` may send to. `at`: the call it is named in, for errors. */
export function sendIndex(at: string, sender: Sender, bucket: AnyBucket): number {
  const { table, function: fn } = sender;
  if (last.bucket === bucket && last.table === table && last.function === fn) return last.index;
  const index = bucketIndex(at, table, bucket);
  assertDeclared(at, sender, index);
  last = { bucket, table, function: fn, index };
  return index;
}

export function bucketIndex(at: string, table: AppTable, bucket: AnyBucket): number {
  const name = checkedBucketName(at, bucket);
  const found = table.bucketByName.get(name);
  if (found) return found.index;
  const known = table.buckets.map((one) => one.name).join(', ');
  const text = `${at}: app ${table.name} has no bucket ${name}; it has ${known}`;
  throw new errors.UnknownBucket(errorData('UnknownBucket', text, { bucket: name }));
}

function assertDeclared(at: string, { table, function: index }: Sender, bucket: number): void {
  const fn = table.functions[index];
  const name = table.buckets[bucket]?.name ?? '';
  if (!fn?.sends || fn.sends.includes(name)) return;
  const text = `${at}: function ${fn.name} does not declare that it sends to ${name}; add it to sends (${fn.sends.join(', ') || 'none'})`;
  throw new errors.UnknownBucket(errorData('UnknownBucket', text, { bucket: name, function: fn.name }));
}
