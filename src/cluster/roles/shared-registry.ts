/** The registry that all nodes of a cluster reach by themselves, if it is configured to be one. */
import type { LogLine } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodeConfig } from './role.ts';

/** Null: the first coordinator holds the registry. */
export async function sharedRegistry(
  { name, registry, clusterName, registryReplicas }: NodeConfig,
  log: LogLine,
): Promise<Registry | null> {
  if (registry === null) return null;
  // Others start faster without it.
  const { NatsRegistry } = await import('../registry/nats-registry.ts');
  return NatsRegistry.open({ servers: registry, clusterName, replicas: registryReplicas, node: name, log });
}
