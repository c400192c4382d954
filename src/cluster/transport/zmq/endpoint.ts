/** Endpoints: `tcp://HOST:PORT`. HOST is a name, an IPv4 address, or an IPv6 address in brackets. */
import { invalidEndpoint, TransportError } from './transport-error.ts';

const pattern = /^tcp:\/\/(\[[0-9A-Za-z:.%]+\]|[0-9A-Za-z._*-]+):(\d{1,5})$/;
const rule = 'it is tcp://HOST:PORT, an IPv6 HOST in brackets, PORT from 0 to 65535';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly isIpv6: boolean;
}

/** Throws a TransportError `InvalidOption`. */
export function parseEndpoint(field: 'listen' | 'connect', text: string): Endpoint {
  const [, host, digits] = pattern.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535) throw new TransportError(invalidEndpoint(field, text, rule));
  if (field === 'connect' && (port === 0 || host === '*'))
    throw new TransportError(invalidEndpoint(field, text, 'what is dialled has a host and a port of its own'));
  return { host, port, isIpv6: host.startsWith('[') };
}

/** In the words of `zmq_bind`. */
export function bindingOf({ host, port }: Endpoint): string {
  return `tcp://${host}:${port === 0 ? '*' : port}`;
}
