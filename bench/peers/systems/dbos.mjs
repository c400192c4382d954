/**
 * DBOS: workflows of steps in this process, recorded in PostgreSQL, with its settings as initdb makes them (each commit is synced to the disk).
 * Steps that are run side by side are started in one order, as DBOS asks.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { findProgram, freePort, makeDirectory, plainUser, postgresFolders, startServer, versionOf } from '../service.mjs';

export const packages = ['@dbos-inc/dbos-sdk'];

// #region open
const step = (work) => DBOS.runStep(work, { name: 'step' });
// #endregion

// #region call
const next = DBOS.registerWorkflow((value) => step(async () => value + 1), { name: 'next' });
// #endregion

// #region chain
async function runChain(length) {
  let hops = 0;
  for (let i = 0; i < length; i++) hops = await step(async () => hops + 1);
  return hops;
}
const chain = DBOS.registerWorkflow(runChain, { name: 'chain' });
// #endregion

// #region fan
async function runFan(width) {
  const pieces = await Promise.all(Array.from({ length: width }, (_, i) => step(async () => i)));
  return step(async () => pieces.reduce((sum, value) => sum + value, 0));
}
const fan = DBOS.registerWorkflow(runFan, { name: 'fan' });
// #endregion

// #region sleep
async function runDoze(i, ms) {
  await DBOS.sleep(ms);
  return i;
}
const doze = DBOS.registerWorkflow(runDoze, { name: 'doze' });
// #endregion

const find = (program) => findProgram(program, postgresFolders());

async function startPostgres() {
  const user = plainUser();
  const directory = makeDirectory(user);
  const cluster = `${directory}/cluster`;
  const port = await freePort();
  const initdb = ['-D', cluster, '-U', 'dbos', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
  execFileSync(find('initdb'), initdb, { cwd: directory, stdio: 'pipe', ...user });
  // It takes connections, and refuses them, before it is up.
  const isReady = () => spawnSync(find('pg_isready'), ['-h', '127.0.0.1', '-p', `${port}`]).status === 0;
  const command = [find('postgres'), '-D', cluster, '-k', directory, '-h', '127.0.0.1', '-p', `${port}`];
  return { port, server: await startServer(command, { directory, port, user, isReady }) };
}

export async function open() {
  const { port, server } = await startPostgres();

  // #region open
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: `postgresql://dbos@127.0.0.1:${port}/postgres`,
    logLevel: 'error',
  });
  await DBOS.launch();
  // #endregion

  return {
    versions: { postgres: versionOf(find('postgres')) },

    // #region call
    call: (value) => next(value),
    // #endregion

    // #region chain
    chain: (length) => chain(length),
    // #endregion

    // #region fan
    fan: (width) => fan(width),
    // #endregion

    // #region sleep
    async sleep(count, ms) {
      const woken = await Promise.all(Array.from({ length: count }, (_, i) => doze(i, ms)));
      return new Set(woken).size;
    },
    // #endregion

    async close() {
      await DBOS.shutdown();
      await server.stop();
    },
  };
}
