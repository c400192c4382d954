/** The scheduler's executors: as many as configured, each replaced when it is gone. */
import { send, type Out } from '../actor.ts';
import { loadMessage } from './apps.ts';
import { executorAddress, type SchedulerState } from './state.ts';

export function spawnExecutors(state: SchedulerState, out: Out): void {
  while (state.executors.size < state.limits.executors) spawnExecutor(state, out);
}

function spawnExecutor(state: SchedulerState, out: Out): void {
  const number = state.nextExecutor++;
  const address = executorAddress(number);
  state.executors.set(number, { number, address, ready: false, ending: false, running: 0, limit: 0 });
  out.push({ kind: 'spawnExecutor', address, executor: number }, send(address, { kind: 'startExecutor' }));
  for (const revisions of state.apps.values()) {
    for (const app of revisions.values()) out.push(send(address, loadMessage(app)));
  }
}

export function buryExecutor(state: SchedulerState, number: number, text: string, out: Out): void {
  const slot = state.executors.get(number);
  if (!slot) return;
  state.executors.delete(number);
  if (state.stopping) {
    if (state.executors.size === 0) out.push({ kind: 'become', event: 'empty' });
    return;
  }
  out.push({ kind: 'log', level: 'warn', text: 'executor ended', detail: { executor: number, why: text } });
  // One that never came up is not tried again at once: whatever stops it would stop the next.
  if (slot.ready) spawnExecutor(state, out);
  else
    out.push({
      kind: 'startTimer',
      id: `restart/${number}`,
      afterMs: state.limits.executorRestartMs,
      message: { kind: 'executorRestartDue' },
    });
}

export function stopExecutors(state: SchedulerState, out: Out): void {
  state.stopping = true;
  out.push({ kind: 'become', event: 'stop' });
  if (state.executors.size === 0) out.push({ kind: 'become', event: 'empty' });
  for (const { address } of state.executors.values()) out.push(send(address, { kind: 'stopExecutor' }));
}
