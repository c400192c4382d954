/** The peers by name. Each module is loaded only where that peer is run. */
export const systems = {
  tinypool: () => import('./systems/tinypool.mjs'),
  piscina: () => import('./systems/piscina.mjs'),
  workerpool: () => import('./systems/workerpool.mjs'),
  moleculer: () => import('./systems/moleculer.mjs'),
  'Effect workflow': () => import('./systems/effect-workflow.mjs'),
  'Effect cluster': () => import('./systems/effect-cluster.mjs'),
  BullMQ: () => import('./systems/bullmq.mjs'),
  Restate: () => import('./systems/restate.mjs'),
  DBOS: () => import('./systems/dbos.mjs'),
};
