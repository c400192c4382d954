/**
 * What a process of a cluster and `pheromone up`, which started it, say to each other: over the channel that Node opens between a
 * process and its child. A process that a user started has none: then nothing here does anything.
 */

/** What the child tells. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly name: string; readonly address: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Ending in order may take so long, when nobody waits for it any more. */
const orphanMsMax = 2_000;

/** Resolves with whether it was sent: there may be nobody to send it to. */
export function tellParent(message: ChildMessage): Promise<boolean> {
  return new Promise((resolve) => {
    if (!process.send || !process.connected) resolve(false);
    else process.send(message, undefined, undefined, (error) => resolve(error === null));
  });
}

/** Ends this process when its parent has ended, however that was: a `kill -9` closes the channel too. */
export function endWithParent(cleanUp: () => Promise<void>): void {
  if (!process.send) return;
  const end = () => {
    // Not `process.exit`: that waits for what threads and native code have open.
    const kill = () => process.kill(process.pid, 'SIGKILL');
    setTimeout(kill, orphanMsMax);
    void cleanUp().then(kill, kill);
  };
  if (!process.connected) return end();
  process.once('disconnect', end);
  // Listening must not keep a process that has nothing else to do.
  process.channel?.unref();
}
