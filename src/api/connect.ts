/** A client of a cluster: the same runtime as the embedded one, on the workers of others. */
import { resolve } from 'node:path';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import { bundleApp, forgetBundle } from '../cluster/bundle.ts';
import { ClientHost } from '../cluster/client-host.ts';
import { defaultConfig } from '../cluster/config.ts';
import { parseClientKeys, readClientKeys } from '../cluster/keys/key-file.ts';
import { createLog } from '../cluster/log.ts';
import type { Envelope } from '../cluster/wire/codec.ts';
import { sourceOf } from './arguments.ts';
import { asRuntime, ClientRuntime } from './client-runtime.ts';
import { type ConnectOptions, checkConnectOptions } from './connect-options.ts';
import { errorFromData } from './errors.ts';
import type { Runtime } from './runtime.ts';

/**
 * Connects to the cluster that the coordinator at `address` (`tcp://HOST:PORT`) belongs to, and registers `apps`. One address is enough:
 * all else is reached by way of it. Rejects with `PeerUnreachable` within `timeoutMs` if nobody answers there, with `ProtocolMismatch`
 * if it is of another version, with `InvalidOption` if the key is none, and as `registerApp` does; nothing stays behind then.
 */
export async function connect(address: string, options: ConnectOptions = {}): Promise<Runtime> {
  const { apps = [], timeoutMs = 5_000, logLevel = 'warn', keyFile, key } = checkConnectOptions(address, options);
  const keys = keyFile !== undefined ? readClientKeys(keyFile) : key !== undefined ? parseClientKeys('option key', key) : null;
  const defaults = defaultConfig();
  const config = { ...defaults, dataDir: resolve(defaults.dataDir), logLevel };
  const log = createLog(logLevel, { client: 'remote' });
  let runtime: ClientRuntime | null = null;
  let host: ClientHost | null = null;
  const early: Envelope[] = [];
  // Who never connects does not load ZeroMQ.
  const { RemoteClient } = await import('../cluster/remote-client.ts');
  const client = await RemoteClient.open({
    config,
    log,
    gateway: address,
    keys,
    timeoutMs,
    receive: (envelopes) => (host ? host.receive(envelopes) : void early.push(...envelopes)),
    lost: (error) => runtime?.fail({ ...error, code: 'PeerUnreachable', message: `the cluster is lost: ${error.message}` }),
  }).catch((error: unknown) => {
    throw dataOf(error) ? errorFromData(dataOf(error) as ErrorData) : error;
  });
  runtime = new ClientRuntime({
    config,
    log,
    cluster: client,
    host(notified) {
      const broken = (why: Error) => {
        log('error', 'the client has a bug and was closed', { error: why.message, stack: why.stack });
        runtime?.fail(errorData('RuntimeClosed', `the client has a bug and was closed: ${why.message}`));
        void client.close();
      };
      const { address: own, blocks, outlet: node, services } = client;
      host = new ClientHost({ config, address: own, blocks, services, node, solo: client.solo, arena: noArena, log, notified, broken });
      host.receive(early.splice(0));
      return host;
    },
    shutDown: () => client.close(),
  });
  try {
    for (const app of apps) {
      forgetBundle(sourceOf(app));
      await runtime.installApp(app, bundleApp(sourceOf(app)));
    }
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return asRuntime(runtime);
}

function noArena(): never {
  throw new Error('bug: a client of a cluster has no arena');
}

/** What the transport's errors carry. */
function dataOf(error: unknown): ErrorData | null {
  const { data } = error as { data?: ErrorData };
  return data?.code ? data : null;
}
