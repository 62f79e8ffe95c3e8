/**
 * The one error that leaves a room on purpose.
 *
 * A kind says what the caller should do next, so a new kind needs a caller that would act
 * differently. Kinds are API and stable; messages are for people and are never parsed.
 * A cause is kept for the operator's log and never sent to a client.
 */

export type ErrorKind =
  /** Fix the request: these bytes, this name or this descriptor can never work. */
  | 'invalid'
  /** Create the table (or allow its creation) first. */
  | 'not-found'
  /** It exists and the request said that it must not. */
  | 'already-exists'
  /** Send what the table's schema allows, or change the table. */
  | 'schema-mismatch'
  /** A producer's numbering has a gap or runs backwards: go on with `context.expected`. */
  | 'out-of-sequence'
  /** Larger than a configured limit: send less at once, or raise the limit. */
  | 'too-large'
  /** Retry later; nothing was written. */
  | 'overloaded'
  /** Retry with backoff; whether the last request took effect is for the retry to find out. */
  | 'unavailable'
  /** Reconnect: this process is draining. */
  | 'closed'
  /** Not offered here. */
  | 'unsupported'
  /** Stored bytes are damaged: call a person. */
  | 'corrupt'
  /** A defect of ours: report it. */
  | 'internal'

export type ErrorContext = Readonly<Record<string, string | number | bigint | boolean>>

export interface ErrorDetail {
  readonly context?: ErrorContext
  readonly cause?: unknown
}

export class ServiceError extends Error {
  readonly kind: ErrorKind
  readonly context: ErrorContext

  constructor(kind: ErrorKind, message: string, { context = {}, cause }: ErrorDetail = {}) {
    super(message, { cause })
    this.name = 'ServiceError'
    this.kind = kind
    this.context = context
  }
}

/** The single funnel from anything caught: what is not ours already is a defect of ours. */
export function toServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new ServiceError('internal', message, { cause: thrown })
}

/** For the `default` of a switch that the compiler knows to be exhaustive. */
export function unreachable(value: never): never {
  throw new ServiceError('internal', `no case for ${JSON.stringify(value)}`)
}
