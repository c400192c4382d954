/** Logs: pino, as JSON lines on standard error. Made at the first line, so that a quiet runtime does not load it. */
import { createRequire } from 'node:module';
import type { Logger } from 'pino';

/** What is logged: lines of this level and of those after it. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogLine = (level: 'debug' | 'info' | 'warn' | 'error', text: string, detail: object) => void;

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

export function createLog(logLevel: LogLevel, bound: object): LogLine {
  let logger: Logger | null = null;
  return (level, text, detail) => {
    if (ranks[level] < ranks[logLevel]) return;
    logger ??= openLogger(bound);
    logger[level](detail, text);
  };
}

function openLogger(bound: object): Logger {
  const pino = createRequire(import.meta.url)('pino') as typeof import('pino');
  return pino.pino({ level: 'debug', base: bound, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
}
