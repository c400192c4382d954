/**
 * What a process of a cluster says of itself to whoever looks after it (Docker, Kubernetes, a load balancer), over HTTP:
 *
 *   GET /livez   200 while its main thread answers
 *   GET /readyz  200 while it takes new work; else 503: it is starting, is draining, or is no member of the cluster
 *
 * Both answer with a `Health` as JSON. Nothing of users' apps or data is in it.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { errorData } from '../../actors/protocol/error.ts';
import { errors } from '../../api/errors.ts';

export interface Health {
  /** Null before it has one. */
  readonly name: string | null;
  readonly role: 'coordinator' | 'worker';
  readonly state: 'starting' | 'serving' | 'draining' | 'cut off';
  /** How long the registry has not been reached, in milliseconds, if that is longer than it should; else null. The process ends before its lease does. */
  readonly registryAwayMs: number | null;
}

export interface HealthServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

/** Of slow or silent askers. */
const requestTimeoutMs = 5_000;
const connectionsMax = 64;

/** Serves until it is closed. Rejects with `AddressInUse` if `listen`, `http://HOST:PORT`, cannot be had. */
export async function serveHealth(listen: string, health: () => Health): Promise<HealthServer> {
  const app = new Hono()
    .get('/livez', (context) => context.json(health()))
    .get('/readyz', (context) => {
      const told = health();
      return context.json(told, told.state === 'serving' ? 200 : 503);
    });
  const listener = getRequestListener(app.fetch);
  const timeouts = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs };
  const server = createServer(timeouts, (request, response) => void listener(request, response));
  server.maxConnections = connectionsMax;
  const { hostname, port } = new URL(listen);
  server.listen(Number(port), hostname === '*' ? undefined : hostname.replace(/^\[|\]$/g, ''));
  try {
    await once(server, 'listening');
  } catch (error) {
    const text = `${listen} cannot be listened on: ${(error as Error).message}`;
    throw new errors.AddressInUse(errorData('AddressInUse', text, { address: listen }));
  }
  const taken = (server.address() as AddressInfo).port;
  return {
    url: `http://${hostname}:${taken}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
