/** The refs in a message, wherever they are. */
import type { Message } from '../../actors/protocol/message.ts';
import type { Entry, Input } from '../../actors/protocol/object.ts';
import type { SessionSpec } from '../../actors/protocol/session.ts';
import type { Ref } from '../../storage/object.ts';

type Change = (ref: Ref) => Ref;

/** The same message with other refs; itself, if none changes. */
export function mapRefs(message: Message, change: Change): Message {
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  let changed: Record<string, unknown> | null = null;
  for (const name of refFields) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    const next = mapField(name, value, change);
    if (next !== value) (changed ??= { ...fields })[name] = next;
  }
  return changed ? (changed as unknown as Message) : message;
}

/** All of them, in the order of `mapRefs`. */
export function refsOf(message: Message): readonly Ref[] {
  const refs: Ref[] = [];
  mapRefs(message, (ref) => {
    refs.push(ref);
    return ref;
  });
  return refs;
}

const refFields = ['ref', 'outputs', 'inputs', 'objects', 'entries', 'input', 'spec'] as const;

function mapField(name: (typeof refFields)[number], value: unknown, change: Change): unknown {
  switch (name) {
    case 'ref':
      return change(value as Ref);
    case 'outputs':
      return Array.isArray(value) ? mapAll(value as readonly Ref[], change) : value;
    case 'inputs':
    case 'objects':
    case 'entries':
      return Array.isArray(value) ? mapAll(value as readonly (Input | Entry)[], (holder) => mapHolder(holder, change)) : value;
    case 'input':
      return mapHolder(value as Input, change);
    case 'spec': {
      const spec = value as SessionSpec;
      const entries = mapAll(spec.entries, (entry) => mapHolder(entry, change));
      return entries === spec.entries ? spec : { ...spec, entries };
    }
  }
}

function mapHolder<T extends { readonly ref: Ref }>(holder: T, change: Change): T {
  const ref = change(holder.ref);
  return ref === holder.ref ? holder : { ...holder, ref };
}

function mapAll<T>(list: readonly T[], change: (item: T) => T): readonly T[] {
  let changed: T[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as T;
    const next = change(item);
    if (next !== item) (changed ??= [...list])[i] = next;
  }
  return changed ?? list;
}
