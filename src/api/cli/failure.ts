/** How commands fail of what their user can see to. */

/** Printed in a line, without a stack. */
export class CommandFailed extends Error {}

/** Nothing is printed: `pheromone up`, which started this process, has been told. */
export class FailureTold extends Error {}

/** The code of an error that says so itself: what is not as it should be around us, not a bug. */
export function codeOf(error: unknown): string | null {
  // What comes from the transport carries its error as data.
  const { code, data } = (error ?? {}) as { readonly code?: unknown; readonly data?: { readonly code?: unknown } };
  const given = data?.code ?? code;
  return typeof given === 'string' && given !== '' ? given : null;
}

/** What went wrong, in a line. */
export function reasonOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  const code = codeOf(error);
  return code === null || line.startsWith(code) ? line : `${code}: ${line}`;
}

/** The promise, or a `CommandFailed` if it takes too long. */
export function within<T>(timeoutMs: number, promise: Promise<T>, why: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CommandFailed(`${why} within ${timeoutMs} ms`)), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
