/** The same functions as those of the other pools. */
import workerpool from 'workerpool';
import * as functions from './pool-thread.mjs';

// #region open
workerpool.worker({ ...functions });
// #endregion
