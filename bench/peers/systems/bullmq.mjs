/**
 * BullMQ: jobs in Redis, taken by workers in this process. Jobs that wait for others are flows: a tree that is added at once. Redis writes an
 * append-only file and syncs it each second, as BullMQ's guide to production asks.
 */
import { setTimeout } from 'node:timers/promises';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { findProgram, freePort, makeDirectory, startServer, versionOf } from '../service.mjs';

export const packages = ['bullmq', 'ioredis'];

const concurrency = 64;

// #region open
const childValues = async (job) => Object.values(await job.getChildrenValues());
// #endregion

const processors = {
  // #region call
  next: ({ data }) => data.value + 1,
  // #endregion
  // #region chain
  async hop(job) {
    const [hops = 0] = await childValues(job);
    return hops + 1;
  },
  // #endregion
  // #region fan
  same: ({ data }) => data.value,
  sum: async (job) => (await childValues(job)).reduce((sum, value) => sum + value, 0),
  // #endregion
  // #region sleep
  async doze({ data }) {
    await setTimeout(data.ms);
    return data.i;
  },
  async count(job) {
    return new Set(await childValues(job)).size;
  },
  // #endregion
};

// #region word-count
function openWords(connection) {
  const processor = new URL('bullmq-words.mjs', import.meta.url);
  const queue = new Queue('words', { connection, defaultJobOptions: { removeOnComplete: 100 } });
  const events = new QueueEvents('words', { connection });
  const worker = new Worker('words', processor, { connection, concurrency: 2, useWorkerThreads: true });
  const runAll = async (jobs) => Promise.all((await queue.addBulk(jobs)).map((job) => job.waitUntilFinished(events)));
  const count = async (parts, reducers, functions) => {
    const texts = parts.map((part) => Buffer.from(part).toString('base64'));
    const mapped = await runAll(texts.map((text) => ({ name: 'mapPart', data: { functions, text } })));
    const shares = Array.from({ length: reducers }, (_, share) => mapped.map((blocks) => blocks[share]));
    return runAll(shares.map((blocks) => ({ name: 'reduceShare', data: { functions, blocks } })));
  };
  return { count, close: () => Promise.all([worker, events, queue].map((each) => each.close())) };
}
// #endregion

const redis = findProgram('redis-server');

async function startRedis() {
  const port = await freePort();
  const directory = makeDirectory();
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--appendonly', 'yes', '--save', ''];
  return { port, server: await startServer([redis, ...settings], { directory, port }) };
}

export async function open() {
  const { port, server } = await startRedis();

  // #region open
  const connection = { host: '127.0.0.1', port };
  // A job that is removed at once may be gone before its caller asks for it.
  const opts = { removeOnComplete: 10_000 };
  const queue = new Queue('jobs', { connection, defaultJobOptions: opts }).setMaxListeners(0);
  const events = new QueueEvents('jobs', { connection });
  const flows = new FlowProducer({ connection });
  const worker = new Worker('jobs', (job) => processors[job.name](job), { connection, concurrency });
  await Promise.all([queue, events, flows, worker].map((each) => each.waitUntilReady()));
  const options = { queueName: 'jobs', opts };
  const resultOf = async ({ job }) => job.waitUntilFinished(events);
  // #endregion
  let words = null;

  return {
    versions: { 'redis-server': versionOf(redis) },

    // #region call
    async call(value) {
      const job = await queue.add('next', { value });
      return job.waitUntilFinished(events);
    },
    // #endregion

    // #region chain
    async chain(length) {
      let tree;
      for (let i = 0; i < length; i++) tree = { name: 'hop', ...options, children: tree ? [tree] : [] };
      return resultOf(await flows.add(tree));
    },
    // #endregion

    // #region fan
    async fan(width) {
      const children = Array.from({ length: width }, (_, i) => ({ name: 'same', data: { value: i }, ...options }));
      return resultOf(await flows.add({ name: 'sum', ...options, children }));
    },
    // #endregion

    // #region sleep
    async sleep(count, ms) {
      const sleepers = new Worker('beds', (job) => processors.doze(job), { connection, concurrency: count });
      const beds = { queueName: 'beds', opts };
      const children = Array.from({ length: count }, (_, i) => ({ name: 'doze', data: { i, ms }, ...beds }));
      const woken = await resultOf(await flows.add({ name: 'count', ...options, children }));
      await sleepers.close();
      return woken;
    },
    // #endregion

    // #region word-count
    async wordCount(parts, reducers, functions) {
      words ??= openWords(connection);
      return words.count(parts, reducers, functions);
    },
    // #endregion

    async close() {
      await words?.close();
      await Promise.all([worker, events, flows, queue].map((each) => each.close()));
      await server.stop();
    },
  };
}
