/**
 * Actors have no I/O: the type check (src/actors/tsconfig.json) refuses what the platform adds to the language, the lint rules
 * for src/actors what the language itself has. Here both are run, as `npm test` runs them, on a copy of the actors with files
 * added that break the rule in one way each.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import { root } from './imports.ts';

type Tool = 'type check' | 'lint';

interface Breach {
  readonly name: string;
  readonly code: string;
  readonly tool: Tool;
  /** In the report. */
  readonly says: RegExp;
}

const breaches: readonly Breach[] = [
  { name: 'set-timeout', code: 'setTimeout(() => {}, 1);', tool: 'type check', says: /'setTimeout'/ },
  { name: 'set-interval', code: 'setInterval(() => {}, 1);', tool: 'type check', says: /'setInterval'/ },
  { name: 'microtask', code: 'queueMicrotask(() => {});', tool: 'type check', says: /'queueMicrotask'/ },
  { name: 'console', code: "console.log('');", tool: 'type check', says: /'console'/ },
  { name: 'process', code: 'export const { pid } = process;', tool: 'type check', says: /'process'/ },
  { name: 'performance', code: 'export const now = performance.now();', tool: 'type check', says: /'performance'/ },
  { name: 'crypto', code: 'export const id = crypto.randomUUID();', tool: 'type check', says: /'crypto'/ },
  { name: 'fetch', code: "void fetch('http://localhost');", tool: 'type check', says: /'fetch'/ },
  { name: 'buffer', code: 'export const bytes = Buffer.alloc(1);', tool: 'type check', says: /'Buffer'/ },
  { name: 'node-module', code: "export { readFileSync } from 'node:fs';", tool: 'type check', says: /'node:fs'/ },
  { name: 'require', code: "export const fs = require('fs');", tool: 'type check', says: /'require'/ },

  { name: 'node-import', code: "export { readFileSync } from 'node:fs';", tool: 'lint', says: /no I\/O/ },
  { name: 'node-import-later', code: "export const fs = import('node:fs');", tool: 'lint', says: /no I\/O/ },
  { name: 'date', code: 'export const nowMs = Date.now();', tool: 'lint', says: /turn\.nowMs/ },
  { name: 'new-date', code: 'export const now = new Date();', tool: 'lint', says: /turn\.nowMs/ },
  { name: 'random', code: 'export const chance = Math.random();', tool: 'lint', says: /turn\.random/ },
  { name: 'random-taken', code: 'export const { random } = Math;', tool: 'lint', says: /turn\.random/ },
  { name: 'promise', code: 'export const later = Promise.resolve();', tool: 'lint', says: /'Promise'/ },
  { name: 'async-function', code: 'export async function later() {}', tool: 'lint', says: /no-async-await/ },
  { name: 'async-arrow', code: 'export const later = async () => {};', tool: 'lint', says: /no-async-await/ },
  { name: 'async-method', code: 'export const actor = { async later() {} };', tool: 'lint', says: /no-async-await/ },
  { name: 'async-generator', code: 'export async function* later() {}', tool: 'lint', says: /no-async-await/ },
  { name: 'await', code: 'export const later = await null;', tool: 'lint', says: /no-top-level-await/ },
  { name: 'global', code: 'export const clock = globalThis.Date;', tool: 'lint', says: /'globalThis'/ },
  { name: 'atomics', code: 'Atomics.wait(new Int32Array(1), 0, 0);', tool: 'lint', says: /'Atomics'/ },
  { name: 'shared-memory', code: 'export const memory = new SharedArrayBuffer(8);', tool: 'lint', says: /'SharedArrayBuffer'/ },
  { name: 'weak-ref', code: 'export const weak = new WeakRef({});', tool: 'lint', says: /'WeakRef'/ },
  {
    name: 'finalization',
    code: 'export const registry = new FinalizationRegistry(() => {});',
    tool: 'lint',
    says: /'FinalizationRegistry'/,
  },
  { name: 'eval', code: "eval('');", tool: 'lint', says: /'eval'/ },
  { name: 'function', code: "export const made = new Function('');", tool: 'lint', says: /'Function'/ },
];

const pure = `import { setup } from 'xstate';
import type { Ref } from '../../storage/object.ts';
import { type Effect, ignore, type Turn } from '../actor.ts';

export const machine = setup({}).createMachine({ initial: 'open', states: { open: {} } });

export function keepOne(refs: readonly Ref[], { random }: Turn): readonly Effect[] {
  const kept = refs[Math.floor(random() * refs.length)];
  return kept ? [{ kind: 'pin', offset: kept.offset }] : ignore();
}
`;

/** What each tool said of each file, by its name. */
let reports: Record<Tool, ReadonlyMap<string, string>>;

test.before(() => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pheromone-pure-')));
  try {
    copyActors(directory);
    for (const { name, code } of breaches) writeFileSync(join(directory, `src/actors/probe/${name}.ts`), `${code}\nexport {};\n`);
    writeFileSync(join(directory, 'src/actors/probe/pure.ts'), pure);
    reports = { 'type check': typeCheck(directory), lint: lint(directory) };
  } finally {
    rmSync(directory, { recursive: true });
  }
});

for (const { name, code, tool, says } of breaches) {
  test(`actors: the ${tool} refuses ${code}`, (t) => {
    t.regex(reports[tool].get(`${name}.ts`) ?? '', says);
  });
}

test('actors: a file that only decides passes the type check and the lint', (t) => {
  t.is(reports['type check'].get('pure.ts'), undefined);
  t.is(reports.lint.get('pure.ts'), undefined);
});

/** The actors with the rules for them, and the packages at hand. */
function copyActors(directory: string): void {
  const parts = ['src/actors', 'src/storage/object.ts', 'tsconfig.json', '.oxlintrc.json', 'package.json'];
  for (const part of parts) cpSync(join(root, part), join(directory, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  mkdirSync(join(directory, 'src/actors/probe'));
}

function typeCheck(directory: string): ReadonlyMap<string, string> {
  const output = run('tsc', ['-p', 'src/actors/tsconfig.json', '--pretty', 'false'], directory);
  const errors = output.split('\n').filter((line) => line.startsWith('src/actors/probe/'));
  return collect(errors.map((line) => [line.slice(0, line.indexOf('(')), line]));
}

function lint(directory: string): ReadonlyMap<string, string> {
  const { diagnostics } = JSON.parse(run('oxlint', ['--format=json', 'src/actors/probe'], directory)) as { diagnostics: LintError[] };
  return collect(diagnostics.map(({ filename, code, message, help }) => [filename, `${code}: ${message} ${help}`]));
}

interface LintError {
  readonly filename: string;
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

/** Both tools are to fail here, and to say why on standard output. */
function run(tool: string, args: readonly string[], directory: string): string {
  const { status, stdout, stderr, error } = spawnSync(join(root, 'node_modules/.bin', tool), args, { cwd: directory, encoding: 'utf8' });
  if (error) throw error;
  if (status === 0) throw new Error(`${tool} has found nothing to refuse`);
  if (stdout === '') throw new Error(`${tool} has failed: ${stderr}`);
  return stdout;
}

function collect(found: readonly (readonly [file: string, text: string])[]): ReadonlyMap<string, string> {
  const byFile = new Map<string, string>();
  for (const [file, text] of found) byFile.set(basename(file), [byFile.get(basename(file)), text].filter(Boolean).join('\n'));
  return byFile;
}
