/** The functions of the word count. */
import { workerData } from 'node:worker_threads';
import workerpool from 'workerpool';

// #region word-count
const { mapPart, reduceShare } = await import(workerData.functions);
workerpool.worker({ mapPart, reduceShare });
// #endregion
