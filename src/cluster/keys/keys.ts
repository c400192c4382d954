/**
 * The keys of a process: who it is in a cluster, and whom it lets in.
 *
 *     cluster key   one pair for all coordinators and workers; with the public keys of the clients
 *     client key    a pair of its own, with the public key of the cluster
 *
 *   K1  Whoever listens holds the cluster's secret key: by CURVE who dials knows that it speaks to the cluster. Who dials holds the
 *       cluster's key, or one that is listed there as a client's; nobody else gets as far as saying anything.
 *   K2  ZeroMQ does not tell by which key a message came. So a node seals its hello: an HMAC of what it says of itself, with the cluster's
 *       secret key. A hello without one is a client's. Hellos go only to who holds the cluster's key, so nobody else sees a seal.
 *   K3  Secret keys are in private fields: what is printed, logged, or made to JSON does not have them.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyPair } from './key-pair.ts';

/** Of a ZeroMQ socket. */
export interface CurveClient {
  readonly curveServerKey: string;
  readonly curvePublicKey: string;
  readonly curveSecretKey: string;
}

export interface CurveServer {
  readonly curveServer: true;
  readonly curveSecretKey: string;
}

/** What a seal is for. */
export interface Sealed {
  readonly name: string;
  readonly role: string;
  readonly incarnation: number;
}

export class Keys {
  readonly #own: KeyPair;
  readonly #clusterKey: string;
  /** Of clients; null: this is a client itself. */
  readonly #admitted: ReadonlySet<string> | null;

  /** Of a coordinator or worker. */
  static ofCluster(own: KeyPair, clients: Iterable<string>): Keys {
    return new Keys(own, own.publicKey, new Set([own.publicKey, ...clients]));
  }

  static ofClient(own: KeyPair, clusterKey: string): Keys {
    return new Keys(own, clusterKey, null);
  }

  private constructor(own: KeyPair, clusterKey: string, admitted: ReadonlySet<string> | null) {
    this.#own = own;
    this.#clusterKey = clusterKey;
    this.#admitted = admitted;
  }

  dialling(): CurveClient {
    const { publicKey, secretKey } = this.#own;
    return { curveServerKey: this.#clusterKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
  }

  listening(): CurveServer {
    if (!this.#admitted) throw new Error('bug: a client does not listen');
    return { curveServer: true, curveSecretKey: this.#own.secretKey };
  }

  /** Whether who has this key may connect. */
  admits(publicKey: string): boolean {
    return this.#admitted?.has(publicKey) ?? false;
  }

  /** Null: a client has none. */
  sealOf(sealed: Sealed): string | null {
    return this.#admitted ? this.#seal(sealed).toString('base64') : null;
  }

  isSealOf(sealed: Sealed, seal: string | null): boolean {
    const given = Buffer.from(seal ?? '', 'base64');
    const right = this.#seal(sealed);
    return this.#admitted !== null && given.byteLength === right.byteLength && timingSafeEqual(given, right);
  }

  #seal({ name, role, incarnation }: Sealed): Buffer {
    return createHmac('sha256', this.#own.secretKey)
      .update(JSON.stringify(['pheromone hello', name, role, incarnation]))
      .digest();
  }
}
