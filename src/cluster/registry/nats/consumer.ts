/**
 * The last message under each subject of a filter, then every new one, in the order of the stream.
 *
 *     start ─► what there is ─► current ─► what is new …  ─► lost: a message is missing, or nothing comes any more
 */
import { AckPolicy, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { createInbox, type Msg, type MsgHdrs, nanos, type Subscription } from '@nats-io/transport-node';
import type { NatsLink } from './link.ts';

export interface StreamMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly headers: MsgHdrs | undefined;
  /** Good until the listener has returned. */
  readonly data: Uint8Array;
}

export interface ConsumerListener {
  message(message: StreamMessage): void;
  /** Once: what there was has come. */
  current(): void;
  /** Once, and nothing follows. */
  lost(): void;
}

const heartbeatMs = 2_000;
const heartbeatsMissedMax = 3;
const controlCode = 100;

export class NatsConsumer {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #listener: ConsumerListener;
  readonly #inbox = createInbox();
  #subscription: Subscription | null = null;
  #name: string | null = null;
  #received = 0;
  #isCurrent = false;
  #isStopped = false;
  #watchdog: NodeJS.Timeout | null = null;

  constructor(link: NatsLink, stream: string, listener: ConsumerListener) {
    this.#link = link;
    this.#stream = stream;
    this.#listener = listener;
  }

  /** Resolves when the server has it; rejects as `JetStreamManager` does. */
  async start(filter: string): Promise<void> {
    const { connection, manager } = this.#link;
    this.#subscription = connection.subscribe(this.#inbox, { callback: (error, message) => void (error ?? this.#take(message)) });
    const { name, num_pending, delivered } = await manager.consumers.add(this.#stream, {
      deliver_subject: this.#inbox,
      deliver_policy: DeliverPolicy.LastPerSubject,
      replay_policy: ReplayPolicy.Instant,
      ack_policy: AckPolicy.None,
      max_deliver: 1,
      filter_subject: filter,
      idle_heartbeat: nanos(heartbeatMs),
      flow_control: true,
      mem_storage: true,
      num_replicas: 1,
    });
    this.#name = name;
    if (this.#isStopped) return this.#remove();
    this.#watch();
    if (num_pending === 0 && delivered.consumer_seq === 0) this.#becomeCurrent();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#watchdog) clearTimeout(this.#watchdog);
    this.#subscription?.unsubscribe();
    this.#remove();
  }

  #take(message: Msg): void {
    if (this.#isStopped) return;
    this.#watchdog?.refresh();
    if (message.headers?.code === controlCode) return this.#control(message);
    const parts = message.reply?.split('.') ?? [];
    // $JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.NUMBER.TIME.PENDING, or with DOMAIN.ACCOUNT before STREAM and more behind.
    const at = parts.length === 9 ? 5 : 7;
    const [sequence = Number.NaN, number, , pending] = parts.slice(at, at + 4).map(Number);
    if (number !== this.#received + 1) return this.#lose();
    this.#received = number;
    const { subject, headers, data } = message;
    this.#listener.message({ subject, sequence, headers, data });
    if (pending === 0) this.#becomeCurrent();
  }

  #control(message: Msg): void {
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    // It waits until what it has sent was taken.
    if (message.reply) message.respond();
    if (stalled) this.#link.connection.publish(stalled);
    const last = message.headers?.get('Nats-Last-Consumer');
    if (!last || stalled) return;
    if (Number(last) !== this.#received) return this.#lose();
    // The server is idle: also where the last that was pending has been replaced.
    this.#becomeCurrent();
  }

  #becomeCurrent(): void {
    if (this.#isCurrent || this.#isStopped) return;
    this.#isCurrent = true;
    this.#listener.current();
  }

  #watch(): void {
    this.#watchdog = setTimeout(() => this.#lose(), heartbeatMs * heartbeatsMissedMax);
    this.#watchdog.unref();
  }

  #lose(): void {
    if (this.#isStopped) return;
    this.stop();
    this.#listener.lost();
  }

  /** If it fails: the server removes it by itself when nobody listens, after five seconds. */
  #remove(): void {
    if (this.#name === null || !this.#link.isUp || this.#link.connection.isClosed()) return;
    void this.#link.manager.consumers.delete(this.#stream, this.#name).catch(() => undefined);
  }
}
