/**
 * The connection to NATS: it is made again whenever it is lost, and whoever asks waits for it, within his time.
 *
 *   K1  `ask` ends within `timeoutMs`. It is tried again when no answer came: so what is asked must do no harm when it is done twice.
 *   K2  A server that says nothing for about `pingMs` × `pingsMax` is taken for lost.
 *   K3  Credentials are in no message, log or error.
 */
import { readFileSync } from 'node:fs';
import { jetstream, JetStreamApiError, type JetStreamClient, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import {
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  NoRespondersError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';
import type { LogLine } from '../../log.ts';
import { registryClosed, RegistryError } from '../registry-error.ts';
import { type NatsServers, readServers, withoutSecrets } from './servers.ts';

export interface LinkOptions {
  /** `nats://HOST:PORT[,…]`. */
  readonly servers: string;
  /** What the server shows of this connection. */
  readonly name: string;
  readonly log: LogLine;
  /** Of a request, with all its attempts: default 8,000. Less than a lease lasts: what its renewal waits for may still help. */
  readonly timeoutMs?: number;
}

export interface LinkListener {
  /** Nothing comes, and nothing is answered, until it is up again. */
  down(): void;
  /** Subscriptions are as they were; consumers of the server may be gone. */
  up(): void;
}

const openMsMax = 10_000;
const dialMsMax = 2_000;
const attemptMsMax = 2_000;
const pauseMs = 100;
const redialMs = 250;
const pingMs = 2_000;
const pingsMax = 2;

export class NatsLink {
  readonly connection: NatsConnection;
  readonly stream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly timeoutMs: number;
  readonly #hosts: string;
  readonly #log: LogLine;
  readonly #listeners = new Set<LinkListener>();
  readonly #waiting = new Set<() => void>();
  #isUp = true;
  #isClosing = false;

  /** Rejects with `PeerUnreachable` if nobody answers within ten seconds, or at once if the credentials are refused. */
  static async open(options: LinkOptions): Promise<NatsLink> {
    const servers = readServers(options.servers);
    if (!servers)
      throw new RegistryError('InvalidOption', `registry: ${withoutSecrets(options.servers)} is no address of NATS: nats://HOST:PORT[,…]`);
    const connection = await dial(servers, options.name);
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: attemptMsMax });
    return new NatsLink(connection, manager, servers.hosts.join(','), options);
  }

  private constructor(connection: NatsConnection, manager: JetStreamManager, hosts: string, { log, timeoutMs = 8_000 }: LinkOptions) {
    this.connection = connection;
    this.manager = manager;
    this.stream = jetstream(connection);
    this.timeoutMs = timeoutMs;
    this.#hosts = hosts;
    this.#log = log;
    void this.#follow();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener);
  }

  /** `attempt` ends within the milliseconds that it is given. `what`: for errors. */
  async ask<T>(what: string, attempt: (timeoutMs: number) => Promise<T>, timeoutMsMax = attemptMsMax): Promise<T> {
    const untilMs = performance.now() + this.timeoutMs;
    let failure: unknown = null;
    for (;;) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw this.#noAnswer(what, failure);
      if (!this.#isUp && this.#isClosing) throw registryClosed(what);
      if (!this.#isUp) {
        await this.#isUpWithin(leftMs);
        continue;
      }
      try {
        return await attempt(Math.ceil(Math.min(leftMs, timeoutMsMax)));
      } catch (error) {
        if (!isPassing(error)) throw error;
        failure = error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
      }
    }
  }

  /** What waits for a connection is refused from now on. */
  refuse(): void {
    this.#isClosing = true;
    for (const wake of this.#waiting) wake();
  }

  async close(): Promise<void> {
    this.refuse();
    this.#listeners.clear();
    await this.connection.close();
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#turn(false);
      if (status.type === 'reconnect') this.#turn(true);
      if (status.type === 'error') this.#log('warn', 'NATS reports an error', { hosts: this.#hosts, error: status.error.message });
    }
    this.#turn(false);
  }

  #turn(isUp: boolean): void {
    if (this.#isUp === isUp || this.#isClosing) return;
    this.#isUp = isUp;
    const text = isUp ? 'the registry is there again' : 'the connection to the registry is lost';
    this.#log('warn', text, { hosts: this.#hosts });
    for (const listener of this.#listeners) listener[isUp ? 'up' : 'down']();
    if (isUp) for (const wake of this.#waiting) wake();
  }

  async #isUpWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let wake: () => void = () => undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
  }

  #noAnswer(what: string, failure: unknown): RegistryError {
    const detail = { operation: what, timeoutMs: this.timeoutMs, hosts: this.#hosts };
    if (!this.#isUp)
      return new RegistryError(
        'PeerUnreachable',
        `registry: ${what}: NATS at ${this.#hosts} cannot be reached since ${this.timeoutMs} ms`,
        detail,
      );
    const why = failure instanceof Error ? `: ${failure.message}` : '';
    return new RegistryError(
      'CallTimedOut',
      `registry: ${what}: no answer has come from NATS at ${this.#hosts} for ${this.timeoutMs} ms${why}`,
      detail,
    );
  }
}

/** It may go better the next time: the server is busy, starts, or elects a leader. */
function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status === 503;
  if (error instanceof TimeoutError || error instanceof NoRespondersError || error instanceof RequestError) return true;
  // Nobody answers for JetStream. The class is not exported.
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}

async function dial(servers: NatsServers, name: string): Promise<NatsConnection> {
  const { hosts, isEncrypted, user, password, token, credsFile } = servers;
  const options = {
    servers: [...hosts],
    name,
    timeout: dialMsMax,
    maxReconnectAttempts: -1,
    reconnectTimeWait: redialMs,
    ignoreAuthErrorAbort: true,
    pingInterval: pingMs,
    maxPingOut: pingsMax,
    ...(isEncrypted ? { tls: {} } : {}),
    ...(user !== null && password !== null ? { user, pass: password } : {}),
    ...(token === null ? {} : { token }),
    ...(credsFile === null ? {} : { authenticator: credsAuthenticator(readCreds(credsFile)) }),
  };
  const untilMs = performance.now() + openMsMax;
  for (;;) {
    try {
      return await connect(options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof AuthorizationError)
        throw new RegistryError('PeerUnreachable', `registry: NATS at ${hosts.join(',')} refuses this node's credentials`, { hosts });
      if (performance.now() >= untilMs)
        throw new RegistryError(
          'PeerUnreachable',
          `registry: NATS at ${hosts.join(',')} did not answer within ${openMsMax} ms: ${reason}`,
          {
            hosts,
            timeoutMs: openMsMax,
          },
        );
      await new Promise((resolve) => setTimeout(resolve, redialMs));
    }
  }
}

function readCreds(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'it is no file';
    throw new RegistryError('InvalidOption', `registry: the creds file ${file} cannot be read: ${reason}`, { file }, { cause });
  }
}
