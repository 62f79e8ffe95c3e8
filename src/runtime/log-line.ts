/** Pure: one line of pino's JSON as a line for people at a terminal. */

const LEVELS: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: 'WARN ',
  50: 'ERROR',
}
/** Said by the place of the words, or of no use on a terminal. */
const PLAIN_KEYS = ['level', 'time', 'pid', 'hostname', 'name', 'part', 'msg', 'err']

/** `09:36:01 INFO  flight: ready port=8815`, and for a failure its message; ends in a newline. */
export function formatLogLine(json: string): string {
  const record = parse(json)
  if (record === undefined) return json
  const { level, time, part, msg, err } = record
  const clock = typeof time === 'string' ? time.slice(11, 19) : ''
  const who = typeof part === 'string' ? `${part}: ` : ''
  const others = Object.entries(record)
    .filter(([key]) => !PLAIN_KEYS.includes(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const words = [`${who}${typeof msg === 'string' ? msg : ''}`, ...reasonOf(err), ...others].join(
    ' ',
  )
  const line = `${clock} ${LEVELS[Number(level)] ?? 'FATAL'} ${words}`
  // Names and reasons come from outside: they must not drive the terminal.
  return `${line.replace(/\p{Cc}/gu, ' ')}\n`
}

function reasonOf(err: unknown): string[] {
  if (typeof err !== 'object' || err === null || !('message' in err)) return []
  return [`(${String(err.message)})`]
}

function parse(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
