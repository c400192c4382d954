/**
 * The code of apps in a cluster: stored once by the hash of its content, fetched once by each worker, and never run unless it has
 * the hash that it was asked for by.
 */
import { createHash } from 'node:crypto';
import type { Address } from '../../actors/actor.ts';
import type { CodeBundle } from '../../actors/protocol/coordinator.ts';
import { errorData, type ErrorData } from '../../actors/protocol/error.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { Registry } from '../registry/registry.ts';
import type { Envelope } from '../wire/codec.ts';

type InstallApp = Extract<Message, { kind: 'installApp' }>;
type UninstallApp = Extract<Message, { kind: 'uninstallApp' }>;

/** Longer than it takes until an app that is being registered is recorded. */
const publishingMs = 120_000;

/** Puts the code where workers find it; what travels with messages says only which it is. */
export async function publishCode(registry: Registry, { hash, code, content, module }: CodeBundle): Promise<CodeBundle> {
  await registry.put(publishingKey(hash), Buffer.from('.'), { expected: null, ttlMs: publishingMs });
  if (!(await registry.get(bundleKey(hash)))) {
    // Of two that publish the same, the second changes nothing.
    await registry.put(bundleKey(hash), Buffer.from(code), { expected: null, ttlMs: null });
  }
  return { hash, code: '', content, module };
}

export interface CodeDeliveryOptions {
  readonly registry: Pick<Registry, 'get'>;
  /** This worker's scheduler. */
  readonly worker: Address;
  deliver(envelopes: readonly Envelope[]): void;
  /** Before a revision comes (null), or this one goes. */
  changing?(app: string, gone: number | null): Promise<void>;
}

/** More bundles are not kept: an app that is installed has its own. */
const keptMax = 16;

/** Between a worker's arrivals and its actors: an `installApp` waits until its code is here, and what concerns that app waits behind it. */
export class CodeDelivery {
  readonly #options: CodeDeliveryOptions;
  readonly #kept = new Map<string, Promise<string>>();
  /** By app: what waits behind an installation. */
  readonly #held = new Map<string, Envelope[]>();

  constructor(options: CodeDeliveryOptions) {
    this.#options = options;
  }

  take(envelopes: readonly Envelope[]): void {
    const passing: Envelope[] = [];
    for (const envelope of envelopes) if (!this.#holds(envelope)) passing.push(envelope);
    if (passing.length > 0) this.#options.deliver(passing);
  }

  #holds(envelope: Envelope): boolean {
    const { message } = envelope;
    if (message.kind !== 'installApp' && message.kind !== 'uninstallApp') return false;
    const app = message.kind === 'installApp' ? message.definition.name : message.app;
    const waiting = this.#held.get(app);
    if (waiting) {
      waiting.push(envelope);
      return true;
    }
    const isComplete = message.kind === 'uninstallApp' || message.bundle.code !== '';
    if (isComplete && !this.#options.changing) return false;
    this.#held.set(app, []);
    void this.#prepare(envelope.to, message).then((ready) => {
      const behind = this.#held.get(app) ?? [];
      this.#held.delete(app);
      this.#options.deliver([ready]);
      this.take(behind);
    });
    return true;
  }

  async #prepare(to: Address, message: InstallApp | UninstallApp): Promise<Envelope> {
    const { changing } = this.#options;
    if (message.kind === 'uninstallApp') {
      await changing?.(message.app, message.revision);
      return { to, message };
    }
    const ready = message.bundle.code === '' ? await this.#complete(to, message) : { to, message };
    if (ready.message.kind === 'installApp') await changing?.(message.definition.name, null);
    return ready;
  }

  async #complete(to: Address, message: InstallApp): Promise<Envelope> {
    const { bundle, definition, revision, coordinator } = message;
    try {
      const code = await this.#codeOf(bundle.hash);
      return { to, message: { ...message, bundle: { ...bundle, code } } };
    } catch (error) {
      const text = `worker ${this.#options.worker} could not get the code of app ${definition.name}: ${error instanceof Error ? error.message : String(error)}`;
      const failure: ErrorData = errorData('ModuleFailed', text, { app: definition.name, module: bundle.module, hash: bundle.hash });
      return {
        to: coordinator,
        message: { kind: 'appInstallFailed', worker: this.#options.worker, app: definition.name, revision, error: failure },
      };
    }
  }

  #codeOf(hash: string): Promise<string> {
    const known = this.#kept.get(hash);
    if (known) return known;
    const coming = this.#fetch(hash);
    this.#kept.set(hash, coming);
    coming.catch(() => this.#kept.delete(hash));
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptMax) break;
      this.#kept.delete(oldest);
    }
    return coming;
  }

  async #fetch(hash: string): Promise<string> {
    const entry = await this.#options.registry.get(bundleKey(hash));
    if (!entry) throw new Error(`the registry has no bundle with the hash ${hash}`);
    const found = hashOf(entry.value);
    if (found !== hash) throw new Error(`the bundle has the hash ${found}, not ${hash}: it is not run`);
    return Buffer.from(entry.value).toString('utf8');
  }
}

export const publishingPrefix = 'publishing/';

/** A lease: nobody is to remove the code (`bundle-sweep.ts`). */
export function publishingKey(hash: string): string {
  return `${publishingPrefix}${hash}`;
}

export function bundleKey(hash: string): string {
  return `bundles/${hash}`;
}

function hashOf(code: Uint8Array): string {
  return createHash('sha256').update(code).digest('hex');
}
