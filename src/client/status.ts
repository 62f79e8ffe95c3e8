/**
 * gRPC's status as our error: the only file here that names gRPC codes.
 *
 * The kind stands in the status details as the `ErrorInfo` reason. Without them the code must do:
 * a status that no server of ours wrote is the transport's, and is worth another try.
 */
import { type Metadata, status } from '@grpc/grpc-js'
import { type ErrorKind, ServiceError } from '../errors.ts'
import { decodeStatusDetails, type StatusDetails } from './messages.ts'

export interface RpcFailure {
  readonly error: ServiceError
  /** The same request may work later, and a numbered batch is recognised if it did already. */
  readonly isRetryable: boolean
  /** No server of ours said so: the connection failed, or something between. */
  readonly isTransport: boolean
  /** How long the server asks to wait. */
  readonly retryDelayMs: number | undefined
}

const KINDS: Readonly<Record<ErrorKind, 'retryable' | 'permanent'>> = {
  invalid: 'permanent',
  'not-found': 'permanent',
  'already-exists': 'permanent',
  'schema-mismatch': 'permanent',
  'out-of-sequence': 'permanent',
  'too-large': 'permanent',
  overloaded: 'retryable',
  unavailable: 'retryable',
  closed: 'retryable',
  unsupported: 'permanent',
  corrupt: 'permanent',
  internal: 'permanent',
}

const KIND_OF_CODE: ReadonlyMap<number, ErrorKind> = new Map([
  [status.INVALID_ARGUMENT, 'invalid'],
  [status.OUT_OF_RANGE, 'invalid'],
  [status.UNAUTHENTICATED, 'invalid'],
  [status.PERMISSION_DENIED, 'invalid'],
  [status.NOT_FOUND, 'not-found'],
  [status.ALREADY_EXISTS, 'already-exists'],
  [status.FAILED_PRECONDITION, 'schema-mismatch'],
  // Without details this is the library's own limit on a message.
  [status.RESOURCE_EXHAUSTED, 'too-large'],
  [status.UNIMPLEMENTED, 'unsupported'],
  [status.DATA_LOSS, 'corrupt'],
])

export function fromStatus(code: number, message: string, metadata: Metadata): RpcFailure {
  const details = detailsOf(metadata)
  const kind = kindOf(details?.reason) ?? KIND_OF_CODE.get(code) ?? 'unavailable'
  const text = plainText(message, kind)
  const error = new ServiceError(kind, text, { context: details?.metadata ?? {} })
  const isRetryable = KINDS[kind] === 'retryable'
  const isTransport = isRetryable && details?.reason === undefined
  return { error, isRetryable, isTransport, retryDelayMs: details?.retryDelayMs }
}

/** A call that grpc-js rejected or ended; anything else is passed on as it is. */
export function fromRpcError(thrown: unknown): RpcFailure | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || !('metadata' in thrown)) return undefined
  const { code, metadata } = thrown as Error & { code: number; metadata: Metadata }
  const details = 'details' in thrown ? String(thrown.details) : thrown.message
  return fromStatus(code, details, metadata)
}

/** Without grpc-js's own words around what the system said, and without the kind, which is known. */
function plainText(message: string, kind: ErrorKind): string {
  const mark = ` [${kind}]`
  const text = message.endsWith(mark) ? message.slice(0, -mark.length) : message
  return text
    .replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/\.? Resolution note: ?.*$/s, '')
}

function detailsOf(metadata: Metadata): StatusDetails | undefined {
  const [value] = metadata.get('grpc-status-details-bin')
  if (!(value instanceof Uint8Array)) return undefined
  try {
    return decodeStatusDetails(value)
  } catch {
    // Details that cannot be read say nothing; the code still does.
    return undefined
  }
}

/** `OUT_OF_SEQUENCE` → `out-of-sequence`, if that is a kind. */
function kindOf(reason: string | undefined): ErrorKind | undefined {
  const name = reason?.toLowerCase().replaceAll('_', '-')
  return (Object.keys(KINDS) as ErrorKind[]).find((kind) => kind === name)
}
