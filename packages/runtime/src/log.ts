// Logging: constant messages with data in fields, JSON lines on stdout. The only place that knows pino.
import { destination, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger for one program. Errors under `err` are printed with their causes. */
export function createLogger(program: string, level: LogLevel = 'info'): Logger {
  return pino({ name: program, level, base: { program } }, destination({ dest: 1, sync: true }));
}

/** A logger that says nothing, for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
