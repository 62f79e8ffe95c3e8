/**
 * The refusal of too large a message, in words that help: grpc-js makes it by itself, before any
 * handler hears of the message, and names neither the setting nor the remedy.
 */
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { ServiceError } from '../../errors.ts'
import { toGrpcError } from './status.ts'

const TOO_LARGE =
  /^Received message (?:larger than max|that decompresses to a size larger than)(?: \((\d+))?/

/** The first of a server's interceptors, as only the innermost call sees what the library sends. */
export function explainingMessageLimit(messageBytesMax: number): ServerInterceptor {
  return (_method, call) => {
    const sendStatus = call.sendStatus.bind(call)
    call.sendStatus = (status) => {
      const found = TOO_LARGE.exec(status.details ?? '')
      sendStatus(found === null ? status : toGrpcError(tooLarge(found[1], messageBytesMax)))
    }
    return new ServerInterceptingCall(call)
  }
}

function tooLarge(bytes: string | undefined, messageBytesMax: number): ServiceError {
  const size = bytes === undefined ? 'a message' : `a message of ${bytes} bytes`
  return new ServiceError(
    'too-large',
    `${size} is larger than flight.messageBytesMax, which is ${messageBytesMax}: send smaller batches, or raise it`,
    { context: { setting: 'flight.messageBytesMax', bytesMax: messageBytesMax } },
  )
}
