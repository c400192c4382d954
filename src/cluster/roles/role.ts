/** What the processes of a cluster have in common: how each is reached, and how it ends. */

/** Where a node is in the network. */
export interface NodeConfig {
  /** Unique in the cluster: 1 to 64 letters, digits, dots, dashes, underscores. Default: the host's name and the process id. */
  readonly name: string;
  /** Where it listens: `tcp://HOST:PORT`; port 0 takes any that is free. Default: `tcp://127.0.0.1:7000` for a coordinator, any free port of 127.0.0.1 for a worker. */
  readonly listen: string;
  /** What others dial, where that is not `listen`: behind a container's or a host's own address. Default: `listen`, with the port that was taken. */
  readonly advertise: string | null;
  /** A coordinator of the cluster to join; null: this node is the first, and holds the registry. A worker needs one. */
  readonly join: string | null;
  /** NATS with JetStream, which holds the registry, `nats://HOST:PORT[,…]`; nodes find each other there. Null: the first coordinator holds it. */
  readonly registry: string | null;
  /** Of several clusters on one NATS. Default `pheromone`. */
  readonly clusterName: string;
  /** Servers of NATS that keep each entry, 1 to 5; counts when the cluster is new to NATS. Default 1. */
  readonly registryReplicas: number;
  /** Of the cluster's key, as `pheromone keygen` has made it; null: no encryption, and whoever reaches a node may join. */
  readonly keyFile: string | null;
}

/** How a role is doing, beyond whether it runs. */
export interface RoleHealth {
  /** Its lease has not been lost, nor given back. */
  readonly isMember: boolean;
  /** How long the registry has not been reached, in milliseconds, if that is longer than it should; else null. */
  readonly registryAwayMs: number | null;
}

/** A role that runs in this process. */
export interface RunningRole {
  readonly name: string;
  /** What others dial. */
  readonly address: string;
  health(): RoleHealth;
  /** Resolves when it has ended: with null if it was told to, else with the reason. Never rejects. */
  readonly ended: Promise<Error | null>;
  /** Takes nothing new, lets open sessions go on for at most `drainMs`, leaves the cluster. */
  stop(options?: { readonly drainMs?: number | undefined }): Promise<void>;
}
