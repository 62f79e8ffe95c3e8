/** The calls that are not offered: each says what to do instead. */
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from '@grpc/grpc-js'
import { ServiceError } from '../../errors.ts'
import { toGrpcError } from './status.ts'

const HOW_TO_READ =
  'attach an engine such as DuckDB, PyIceberg or Spark to the Iceberg table; GetFlightInfo says where it is'

export const POLL_REFUSAL = 'PollFlightInfo is not offered: GetFlightInfo answers at once'
export const GET_REFUSAL = `DoGet is not offered: to read, ${HOW_TO_READ}`
export const EXCHANGE_REFUSAL = `DoExchange is not offered: write with DoPut; to read, ${HOW_TO_READ}`

export function refusingUnary(message: string): handleUnaryCall<unknown, never> {
  return (_call, callback) => callback(toGrpcError(new ServiceError('unsupported', message)))
}

export function refusingStream(message: string): handleServerStreamingCall<unknown, never> {
  return (call) => {
    call.emit('error', toGrpcError(new ServiceError('unsupported', message)))
  }
}

export function refusingDuplex(message: string): handleBidiStreamingCall<unknown, never> {
  return (call) => {
    call.emit('error', toGrpcError(new ServiceError('unsupported', message)))
  }
}
