/** Structured logs on stderr (stdout belongs to data), one child per component. */
import { type Logger as PinoLogger, pino } from 'pino'

export type Logger = PinoLogger
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

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
    pino.destination({ dest: 2, sync: true }),
  )
}

export const silentLogger: Logger = pino({ level: 'silent' })
