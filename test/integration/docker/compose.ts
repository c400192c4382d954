/** `docker-compose.yml` of this checkout, run for real. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));
/** An image is built the first time. */
const timeoutMs = 500_000;
const outputBytesMax = 64 * 2 ** 20;

const commands = [['docker-compose'], ['docker', 'compose']] as const;

const works = (command: string, ...args: readonly string[]) => spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;

/** The command for compose files; null if there is none, or no engine to run them on. */
export function findCompose(): readonly [string, ...string[]] | null {
  if (!works('docker', 'info')) return null;
  return commands.find(([command, ...args]) => works(command, ...args, 'version')) ?? null;
}

export class Compose {
  readonly #command: readonly [string, ...string[]];
  readonly #project: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(command: readonly [string, ...string[]], project: string, environment: Readonly<Record<string, string>>) {
    this.#command = command;
    this.#project = project;
    this.#environment = { ...process.env, ...environment };
  }

  /** What it prints on standard output. Rejects, with all that it printed, if it fails. */
  run(...args: readonly string[]): Promise<string> {
    const [command, ...first] = this.#command;
    return this.#execute(command, [...first, '--project-name', this.#project, ...args]);
  }

  /** Ids of a service's containers, also of those that do not run. */
  async containers(service: string): Promise<string[]> {
    return (await this.docker('ps', '-aq', ...this.#labels(service))).split('\n').filter(Boolean);
  }

  /** What each says of its health: `healthy`. */
  async health(...services: readonly string[]): Promise<string[]> {
    const ids = (await Promise.all(services.map((service) => this.containers(service)))).flat();
    return Promise.all(ids.map(async (id) => (await this.docker('inspect', '--format', '{{.State.Health.Status}}', id)).trim()));
  }

  docker(...args: readonly string[]): Promise<string> {
    return this.#execute('docker', args);
  }

  #labels(service: string): string[] {
    return [`project=${this.#project}`, `service=${service}`].flatMap((label) => ['--filter', `label=com.docker.compose.${label}`]);
  }

  async #execute(command: string, args: readonly string[]): Promise<string> {
    const options = { cwd: checkout, env: this.#environment, timeout: timeoutMs, maxBuffer: outputBytesMax };
    try {
      return (await promisify(execFile)(command, args, options)).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`${command} ${args.join(' ')} failed: ${stdout ?? ''}${stderr ?? ''}`, { cause: error });
    }
  }
}
