/**
 * Structured logs on stderr (stdout belongs to data), one child per component: JSON for programs,
 * a plain line each at a terminal.
 */
import { isatty } from 'node:tty'
import { type Logger as PinoLogger, pino } from 'pino'
import { formatLogLine } from './log-line.ts'

export type Logger = PinoLogger
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

const STDERR = 2

const REDACTED = [
  'authorization',
  '*.authorization',
  'password',
  '*.password',
  '*.secret',
  '*.token',
]

export function createLogger(level: LogLevel): Logger {
  return pino(
    { name: 'frazil', level, redact: REDACTED, timestamp: pino.stdTimeFunctions.isoTime },
    isatty(STDERR) ? forPeople : pino.destination({ dest: STDERR, sync: true }),
  )
}

const forPeople = { write: (json: string) => void process.stderr.write(formatLogLine(json)) }

export const silentLogger: Logger = pino({ level: 'silent' })
