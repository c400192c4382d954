/** What a mesh refuses, and why: operating conditions, as an error that carries its data. */
import { errorData, type ErrorCode, type ErrorData } from '../../../actors/protocol/error.ts';

export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly data: ErrorData;

  constructor(data: ErrorData) {
    super(data.message);
    this.data = data;
  }

  get code(): ErrorCode {
    return this.data.code;
  }

  get retryable(): boolean {
    return this.data.retryable;
  }

  get detail(): ErrorData['detail'] {
    return this.data.detail;
  }
}

export function peerUnreachable(address: string, why: string, detail: Record<string, unknown> = {}): ErrorData {
  return errorData('PeerUnreachable', `${address} cannot be reached: ${why}`, { address, ...detail }, true);
}

/** ZeroMQ's own handshake has failed. `key`, `protocol`: the other end has said so; `cut`: it has hung up. */
export function keysRefused(address: string, how: 'key' | 'protocol' | 'cut', hasKeys: boolean): ErrorData {
  const why = {
    key: 'it does not know the key of this process: ask for one that was made with its cluster key, or see that its nodes were restarted since',
    protocol: hasKeys
      ? 'it has no keys, while this process has, or it is no node: see that all have a key file of the same cluster'
      : 'it wants keys, and this process has none, or it is no node: give the key file of the cluster',
    cut: `it hangs up in the handshake: see that ${hasKeys ? 'the key file is of the same cluster' : 'a node listens there'}`,
  }[how];
  return errorData('PeerUnreachable', `${address} cannot be reached: ${why}`, { address, reason: 'keys' });
}

/** A process that says that it is a node has not the cluster's key, or says that it is a client and has the name of a node. */
export function nodeNotSealed(name: string): ErrorData {
  const text = `${name} may not join: its key is that of a client, and coordinators and workers need the cluster key`;
  return errorData('PeerUnreachable', text, { address: name, reason: 'keys' });
}

/** `ours`: the version of who reads it, `theirs`: that of `peer`. */
export function protocolMismatch(peer: string, ours: string, theirs: string): ErrorData {
  const text = `${peer} speaks version ${theirs} of the protocol, this node ${ours}: run the same release on all nodes`;
  return errorData('ProtocolMismatch', text, { ours, theirs });
}

export function nodeNameTaken(name: string): ErrorData {
  const text = `a node named ${name} is connected already: give this one another name, or wait until that one is known to be gone`;
  return errorData('NodeNameTaken', text, { name }, true);
}

export function addressInUse(address: string): ErrorData {
  const text = `${address} is in use: something else listens there; choose another port, or 0 for any that is free`;
  return errorData('AddressInUse', text, { address });
}

export function invalidEndpoint(field: 'listen' | 'connect', value: string, rule: string): ErrorData {
  return errorData('InvalidOption', `${field}: ${JSON.stringify(value.slice(0, 200))} is no endpoint: ${rule}`, { field, value });
}

export function tooManyPeers(peersMax: number): ErrorData {
  const text = `this node has ${peersMax} peers already, and takes no more (peersMax)`;
  return errorData('Overloaded', text, { peersMax, retryAfterMs: 1_000 }, true);
}

export function peerLeft(name: string, how: string): ErrorData {
  return errorData('PeerUnreachable', `${name} has left: ${how}`, { address: name, reason: 'left' }, true);
}

export function peerRestarted(name: string): ErrorData {
  return errorData(
    'PeerUnreachable',
    `${name} has restarted: what was sent to its former process is lost`,
    { address: name, reason: 'restarted' },
    true,
  );
}

export function peerForgot(name: string, framesLost: number): ErrorData {
  const text = `${name} has begun anew with this node: ${framesLost} frames may or may not have been handled there`;
  return errorData('PeerUnreachable', text, { address: name, reason: 'forgot', framesLost }, true);
}

export function meshClosed(name: string): ErrorData {
  return errorData('RuntimeClosed', `${name}: the transport is closed`, { address: name });
}
