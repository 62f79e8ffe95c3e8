/**
 * The two shapes of plain calls: one answer, or a row of answers.
 *
 * A handler is an async function that throws ServiceErrors; what it threw becomes the status. Rows
 * are written no faster than the client reads them.
 */
import { once } from 'node:events'
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerWritableStream,
  sendUnaryData,
} from '@grpc/grpc-js'
import { toServiceError } from '../../errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { type GrpcError, toGrpcError } from './status.ts'

export interface CallRequest<Request> {
  readonly request: Request
  readonly metadata: Metadata
}

export function answering<Request, Response>(
  logger: Logger,
  answer: (call: CallRequest<Request>) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => void respond(logger, answer(call), callback)
}

export function streaming<Request, Response>(
  logger: Logger,
  rows: (call: CallRequest<Request>) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    writeAll(call, rows(call)).catch((thrown: unknown) => {
      if (!call.destroyed) call.emit('error', refusal(logger, thrown))
    })
  }
}

/** What a call that is refused gets; defects of ours are logged. */
export function refusal(logger: Logger, thrown: unknown): GrpcError {
  const error = toServiceError(thrown)
  if (error.kind === 'internal') logger.error({ err: error }, 'call failed')
  return toGrpcError(error)
}

async function respond<Response>(
  logger: Logger,
  answer: Promise<Response>,
  callback: sendUnaryData<Response>,
): Promise<void> {
  let response: Response
  try {
    response = await answer
  } catch (thrown) {
    callback(refusal(logger, thrown))
    return
  }
  callback(null, response)
}

async function writeAll<Request, Response>(
  call: ServerWritableStream<Request, Response>,
  rows: AsyncIterable<Response>,
): Promise<void> {
  const gone = new AbortController()
  call.once('cancelled', () => gone.abort())
  for await (const row of rows) {
    if (call.destroyed) return
    if (!call.write(row)) await once(call, 'drain', { signal: gone.signal }).catch(() => {})
  }
  if (!call.destroyed) call.end()
}
