/**
 * Restate: handlers of a service in this process; the server records their steps (`ctx.run`) on its disk, and calls come by its HTTP ingress.
 * The server of the package @restatedev/restate-server, with its own settings but ports and directory.
 */
import { createRequire } from 'node:module';
import { createServer } from 'node:http2';
import { once } from 'node:events';
import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import { freePort, makeDirectory, startServer } from '../service.mjs';

// Of Node 22, which this version of the SDK is made for; all else that it needs is in Node 20.
Promise.withResolvers ??= () => {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

export const packages = ['@restatedev/restate-sdk', '@restatedev/restate-server'];

const functions = restate.service({
  name: 'functions',
  handlers: {
    // #region call
    next: (ctx, value) => ctx.run(() => value + 1),
    // #endregion
    // #region chain
    async chain(ctx, length) {
      let hops = 0;
      for (let i = 0; i < length; i++) hops = await ctx.run(() => hops + 1);
      return hops;
    },
    // #endregion
    // #region fan
    async fan(ctx, width) {
      const steps = Array.from({ length: width }, (_, i) => ctx.run(() => i));
      const pieces = await restate.RestatePromise.all(steps);
      return ctx.run(() => pieces.reduce((sum, value) => sum + value, 0));
    },
    // #endregion
    // #region sleep
    async doze(ctx, { i, ms }) {
      await ctx.sleep(ms);
      return i;
    },
    // #endregion
  },
});

/** That of the platform's package, which the launcher of the other starts. */
function findServer() {
  const launcher = createRequire(import.meta.resolve('@restatedev/restate-server/package.json'));
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  return launcher.resolve(`${name}/bin/restate-server`);
}

export async function open() {
  const directory = makeDirectory();
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const env = {
    RESTATE_LISTEN_MODE: 'tcp',
    RESTATE_BIND_IP: '127.0.0.1',
    RESTATE_BIND_PORT: `${node}`,
    RESTATE_INGRESS__BIND_PORT: `${ingress}`,
    RESTATE_ADMIN__BIND_PORT: `${admin}`,
    RESTATE_BASE_DIR: directory,
    RESTATE_NODE_NAME: 'bench',
    RESTATE_DISABLE_TELEMETRY: 'true',
    RUST_LOG: 'error',
  };
  const server = await startServer([findServer()], { directory, port: admin, env });

  // #region open
  const handlers = createServer(restate.createEndpointHandler({ services: [functions], logger: () => undefined })).listen(0, '127.0.0.1');
  await once(handlers, 'listening');
  const registered = await fetch(`http://127.0.0.1:${admin}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${handlers.address().port}` }),
  });
  if (!registered.ok) throw new Error(`not registered: ${await registered.text()}`);
  const client = clients.connect({ url: `http://127.0.0.1:${ingress}` }).serviceClient(functions);
  // #endregion

  return {
    // #region call
    call: (value) => client.next(value),
    // #endregion

    // #region chain
    chain: (length) => client.chain(length),
    // #endregion

    // #region fan
    fan: (width) => client.fan(width),
    // #endregion

    // #region sleep
    async sleep(count, ms) {
      const woken = await Promise.all(Array.from({ length: count }, (_, i) => client.doze({ i, ms })));
      return new Set(woken).size;
    },
    // #endregion

    async close() {
      handlers.close();
      await server.stop();
    },
  };
}
