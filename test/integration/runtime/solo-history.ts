/** Histories of sessions that may just have ended. */
import type { ExecutionContext } from 'ava';
import type { Runtime, SessionHistory } from 'pheromone';
import { eventually } from './started.ts';

/** Whoever has a session's id can ask for it at any time. */
export async function historyOf(t: ExecutionContext, runtime: Runtime, session: string): Promise<SessionHistory> {
  const handle = runtime.session(session);
  await eventually(t, `session ${session} has ended`, async () => (await handle.status()).state !== 'open');
  return handle.history();
}
