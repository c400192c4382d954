/** See `polling.mjs`: a thread has to be JavaScript. */
export function startPolling(): Promise<{ once(): Promise<void>; close(): Promise<void> }>;
