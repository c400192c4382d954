/**
 * `build-copy.mjs DIRECTORY`: the package as it is published, without its declarations. For what starts many processes and wants what users
 * run: from the checkout, the command line loads TypeScript, and is ready a second later.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [, , directory] = process.argv;
if (directory === undefined) throw new Error('build-copy.mjs: name the directory');
const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(join(directory, 'dist'), { recursive: true, force: true });
for (const part of ['package.json', 'bin']) cpSync(join(root, part), join(directory, part), { recursive: true });
execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), join(directory, 'dist')], { stdio: 'inherit' });
