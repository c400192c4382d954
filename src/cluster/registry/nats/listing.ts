/** All that is under a prefix, as it was at one moment: read by a consumer of its own, up to the end of the stream. */
import { TimeoutError } from '@nats-io/transport-node';
import { checkListSize } from '../registry-error.ts';
import type { NatsBucket } from './bucket.ts';
import { NatsConsumer, type StreamMessage } from './consumer.ts';
import type { NatsLink } from './link.ts';
import { type Stored, storedOf } from './stored.ts';
import { filterOf, keyOf } from './subjects.ts';

/** By key. Rejects with `ObjectTooLarge` as soon as it is too much for a list. */
export async function listStored(link: NatsLink, bucket: NatsBucket, prefix: string): Promise<[string, Stored][]> {
  const attempt = (timeoutMs: number) => listOnce(link, bucket, prefix, timeoutMs);
  return [...(await link.ask(`list of ${prefix}`, attempt, link.timeoutMs))].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function listOnce(link: NatsLink, bucket: NatsBucket, prefix: string, timeoutMs: number): Promise<Map<string, Stored>> {
  const found = new Map<string, Stored>();
  let sizeBytes = 0;
  const forget = (key: string) => {
    sizeBytes -= sizeOf(key, found.get(key));
    found.delete(key);
  };
  const take = ({ subject, sequence, headers, data }: StreamMessage) => {
    const key = keyOf(bucket.name, subject);
    if (!key.startsWith(prefix)) return;
    const stored = storedOf(sequence, headers, new Uint8Array(data));
    forget(key);
    if (stored.isGone) return;
    found.set(key, stored);
    sizeBytes += sizeOf(key, stored);
    checkListSize(prefix, sizeBytes);
  };
  let stop: () => void = () => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const message = (one: StreamMessage) => {
        try {
          take(one);
        } catch (error) {
          reject(error);
        }
      };
      const lost = () => reject(new TimeoutError({ cause: new Error('a message is missing') }));
      const consumer = new NatsConsumer(link, bucket.stream, { message, current: resolve, lost });
      const timer = setTimeout(lost, timeoutMs);
      stop = () => {
        clearTimeout(timer);
        consumer.stop();
      };
      consumer.start(filterOf(bucket.name, prefix)).catch(reject);
    });
    return found;
  } finally {
    stop();
  }
}

function sizeOf(key: string, stored: Stored | undefined): number {
  return stored ? key.length + stored.sizeBytes : 0;
}
