/**
 * For executors, and the main threads of workers. They map the arena, and V8 takes all of it for memory of the thread's heap, and collects
 * it at once; and from a heap that has been collected it expects little: at some 10 MB, also of buffers, it collects again, on all
 * processors, and drops compiled code. With this a heap below 64 MB is left alone. The node thread of an embedded runtime goes without: of
 * many open sessions it would hold some 100 bytes more each.
 */
export const heapFlag = '--initial-old-space-size=64';
