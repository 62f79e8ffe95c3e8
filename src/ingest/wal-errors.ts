/** What the log says, in the words that callers of the service know. */
import { WalError } from '#wal'
import { type ErrorKind, ServiceError, toServiceError, unreachable } from '../errors.ts'

/** The single funnel from a failed log call to a typed error; the cause is kept. */
export function fromWalError(thrown: unknown): ServiceError {
  if (!(thrown instanceof WalError)) return toServiceError(thrown)
  const context = thrown.expected === undefined ? {} : { expected: thrown.expected }
  return new ServiceError(serviceKind(thrown), thrown.message.replace(/^wal: /, ''), {
    context,
    cause: thrown,
  })
}

function serviceKind({ kind }: WalError): ErrorKind {
  switch (kind) {
    case 'full':
      return 'overloaded'
    case 'too-large':
      return 'too-large'
    case 'out-of-sequence':
      return 'out-of-sequence'
    case 'closed':
      return 'closed'
    case 'io':
    case 'locked':
      return 'unavailable'
    case 'corrupt':
      return 'corrupt'
    case 'invalid':
      return 'invalid'
    default:
      return unreachable(kind)
  }
}
