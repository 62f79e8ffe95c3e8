/**
 * Error kind → gRPC status: the only file that names gRPC codes.
 *
 * A client acts on the code; a program that wants more decodes `grpc-status-details-bin`: an
 * ErrorInfo with the kind as its reason and the context as metadata, and a RetryInfo exactly when
 * waiting helps. The text is for people, but for the kind in brackets at its end: pyarrow drops the
 * details of most codes, and there it is all that a program gets. Causes and defects of ours are logged, never sent.
 */
import { Metadata, type StatusObject, status } from '@grpc/grpc-js'
import type { ErrorKind, ServiceError } from '../../errors.ts'
import { messages } from './contract.ts'

export const ERROR_DOMAIN = 'frazil'
/** How long an overloaded caller is asked to wait: a few group commits. */
export const RETRY_DELAY_MS = 250

// Overload is UNAVAILABLE because that is the one code that Flight's clients show as "try again";
// RESOURCE_EXHAUSTED reads as a plain mistake of the caller, which too large a message is.
const CODES: Readonly<Record<ErrorKind, status>> = {
  invalid: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'schema-mismatch': status.FAILED_PRECONDITION,
  'out-of-sequence': status.FAILED_PRECONDITION,
  'too-large': status.RESOURCE_EXHAUSTED,
  overloaded: status.UNAVAILABLE,
  unavailable: status.UNAVAILABLE,
  closed: status.UNAVAILABLE,
  unsupported: status.UNIMPLEMENTED,
  corrupt: status.DATA_LOSS,
  internal: status.INTERNAL,
}

// Trailers are headers: clients allow 8 KiB of them all together, text is there twice, and
// percent-encoding triples what is not ASCII.
const TEXT_BYTES_MAX = 1_536
const CONTEXT_ENTRIES_MAX = 12
const CONTEXT_CHARACTERS_MAX = 96

/** What grpc-js sends when it is given as an error. */
export type GrpcError = Error & StatusObject

export function toGrpcError(error: ServiceError): GrpcError {
  const code = CODES[error.kind]
  const details = `${sentence(error)} [${error.kind}]`
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', encodeDetails(error, code, details))
  return Object.assign(new Error(details), { code, details, metadata })
}

/** The reason as programs see it: `out-of-sequence` is `OUT_OF_SEQUENCE`. */
export function reasonOf(kind: ErrorKind): string {
  return kind.toUpperCase().replaceAll('-', '_')
}

function sentence(error: ServiceError): string {
  if (error.kind === 'internal') return 'internal error: the log of the server has the cause'
  const { expected } = error.context
  const told = error.message.includes(String(expected ?? ''))
  return shorten(told ? error.message : `${error.message}: expected ${expected}`)
}

function shorten(text: string): string {
  const whole = text.toWellFormed()
  if (encodeURI(whole).length <= TEXT_BYTES_MAX) return whole
  let end = Math.min(whole.length, TEXT_BYTES_MAX)
  while (encodeURI(whole.slice(0, end).toWellFormed()).length > TEXT_BYTES_MAX) {
    end = Math.floor(end * 0.8)
  }
  return `${whole.slice(0, end).toWellFormed()}…`
}

function encodeDetails(error: ServiceError, code: status, message: string): Buffer {
  const info = messages.errorInfo.serialize({
    reason: reasonOf(error.kind),
    domain: ERROR_DOMAIN,
    metadata: error.kind === 'internal' ? {} : contextTexts(error),
  })
  const details = [any('google.rpc.ErrorInfo', info)]
  if (error.kind === 'overloaded') {
    const delay = { seconds: 0, nanos: RETRY_DELAY_MS * 1e6 }
    const retry = messages.retryInfo.serialize({ retry_delay: delay })
    details.push(any('google.rpc.RetryInfo', retry))
  }
  return messages.status.serialize({ code, message, details })
}

function contextTexts(error: ServiceError): Record<string, string> {
  const entries = Object.entries(error.context).slice(0, CONTEXT_ENTRIES_MAX)
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key.slice(0, CONTEXT_CHARACTERS_MAX),
      String(value).slice(0, CONTEXT_CHARACTERS_MAX).toWellFormed(),
    ]),
  )
}

function any(type: string, value: Buffer) {
  return { type_url: `type.googleapis.com/${type}`, value }
}
