/**
 * The package as its users get it: packed from a copy of the checkout, so that no `dist` of the checkout is touched or used, and
 * installed with its dependencies into an empty project.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const packed = ['package.json', 'scripts', 'tsconfig.json', 'tsconfig.build.json', 'bin', 'src', 'README.md', 'LICENSE'];

export interface Packed {
  /** As npm lists them. */
  readonly files: readonly string[];
  /** A project with nothing but the package and the types of Node. */
  readonly project: string;
  remove(): Promise<void>;
}

export async function installPackage(): Promise<Packed> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'pheromone-package-')));
  const [copy, project] = [join(directory, 'checkout'), join(directory, 'project')];
  const remove = (): Promise<void> => rm(directory, { recursive: true });
  try {
    for (const part of packed) await cp(join(root, part), join(copy, part), { recursive: true });
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
    const { stdout } = await run('npm', ['pack', '--json', '--silent'], copy);
    const [tarball] = JSON.parse(stdout) as [{ filename: string; files: readonly { path: string }[] }];
    await mkdir(project);
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(copy, tarball.filename), '@types/node@20'], project);
    await cp(new URL('consumer', import.meta.url), project, { recursive: true });
    return { files: tarball.files.map(({ path }) => path), project, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of the npm or npx that runs the tests: the ones that they run would take them for their own. */
const outerNpm = /^(npm_package_.*|npm_lifecycle_.*|npm_config_(package|local_prefix|global_prefix|prefix))$/;

/** Runs a command to its end. Rejects if it fails, with what it printed. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  const ran = await tryRun(command, args, cwd);
  if (ran.exitCode !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${ran.exitCode}:\n${ran.stdout}\n${ran.stderr}`);
  return ran;
}

/** Runs a command to its end, whether it fails or not. Rejects if it cannot be run, or is killed. */
export function tryRun(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !outerNpm.test(name)));
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env, encoding: 'utf8', timeout: 100_000 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}
