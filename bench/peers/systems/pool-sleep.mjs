/** What the threads of pools run that let a thread do several things at once. */
import { setTimeout } from 'node:timers/promises';

// #region sleep
export async function doze({ i, ms }) {
  await setTimeout(ms);
  return i;
}
// #endregion
