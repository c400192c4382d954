/** The objects that `pheromone run` calls an app with, from its options. */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { isRecord } from '../../actors/bucket/primitives/options.ts';
import type { App } from '../define-app.ts';
import type { Entries } from '../entries.ts';

export interface ObjectOptions {
  readonly bucket?: string;
  readonly value?: string;
  readonly bytes?: string;
  readonly key?: string;
  readonly group?: string;
  readonly input?: string;
}

/** Ends the command with a usage error if the options say no objects, or a bucket that the app does not have. */
export async function readObjects(command: Command, app: App, options: ObjectOptions): Promise<Entries> {
  const { bucket, input } = options;
  const buckets = app.definition.buckets.map(({ name }) => name);
  if ((bucket === undefined) === (input === undefined)) {
    command.error(`error: give either --bucket with --value, or --input; the buckets of ${app.name} are ${buckets.join(', ')}`);
  }
  const entries =
    bucket === undefined ? await readJson(command, '--input', input ?? '') : { [bucket]: [await readObject(command, options)] };
  if (!isRecord(entries)) command.error(`error: option '--input' must be { bucket: [{ key?, group?, value }] }`);
  const unknown = Object.keys(entries).find((name) => !buckets.includes(name));
  if (unknown !== undefined) {
    const option = bucket === undefined ? '--input' : '--bucket';
    command.error(
      `error: option '${option}' names the bucket ${JSON.stringify(unknown)}: the buckets of ${app.name} are ${buckets.join(', ')}`,
    );
  }
  return entries as Entries;
}

async function readObject(command: Command, { bucket, key, group, value, bytes }: ObjectOptions) {
  if ((value === undefined) === (bytes === undefined)) command.error(`error: give --value or --bytes for the object of --bucket ${bucket}`);
  return {
    key,
    group,
    value: bytes === undefined ? await readJson(command, '--value', value ?? '') : readBytes(command, '--bytes', bytes),
  };
}

async function readJson(command: Command, option: string, given: string): Promise<unknown> {
  const json =
    given === '@-' ? await text(process.stdin) : given.startsWith('@') ? readBytes(command, option, given.slice(1)).toString() : given;
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    const hint = given === json ? ` (a string is quoted: '"text"')` : '';
    command.error(`error: option '${option}' is ${JSON.stringify(given.slice(0, 80))}: it is not JSON: ${(error as Error).message}${hint}`);
  }
}

function readBytes(command: Command, option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    command.error(`error: option '${option}' names the file ${JSON.stringify(file)}: ${(error as Error).message}`);
  }
}
