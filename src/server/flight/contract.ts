/**
 * The wire contract as grpc-js wants it: service definitions and codecs made from `proto/`.
 *
 * FlightData is the exception: it is decoded by our own codec, because record batches are most of
 * the bytes and must stay views of what was received. Bytes that are not a FlightData become a
 * {@link Malformed}, so that the handler refuses them with a sentence of its own.
 */
import { fileURLToPath } from 'node:url'
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import { type ServiceError, toServiceError } from '../../errors.ts'
import { decodeFlightData, encodeFlightData, type FlightData } from './flight-data.ts'

export interface Malformed {
  readonly malformed: ServiceError
}

export interface WireDescriptor {
  readonly type: 'UNKNOWN' | 'PATH' | 'CMD'
  readonly cmd: Uint8Array
  readonly path: readonly string[]
}

export interface WireFlightInfo {
  readonly schema: Uint8Array
  readonly flight_descriptor: WireDescriptor
  readonly endpoint: readonly never[]
  /** Decimal digits: int64. */
  readonly total_records: string
  readonly total_bytes: string
  readonly ordered: boolean
  readonly app_metadata: Uint8Array
}

export interface WireAction {
  readonly type: string
  readonly body: Uint8Array
}

export interface WireBytes {
  readonly body: Uint8Array
}

export interface PutResult {
  readonly app_metadata: Uint8Array
}

export interface WireHandshake {
  readonly payload: Uint8Array
}

export interface HealthRequest {
  readonly service: string
}

export interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'
}

/** Every call of Flight has a handler: one that is forgotten does not compile. */
export interface FlightHandlers {
  Handshake: handleBidiStreamingCall<WireHandshake, WireHandshake>
  ListFlights: handleServerStreamingCall<{ readonly expression: Uint8Array }, WireFlightInfo>
  GetFlightInfo: handleUnaryCall<WireDescriptor, WireFlightInfo>
  PollFlightInfo: handleUnaryCall<WireDescriptor, never>
  GetSchema: handleUnaryCall<WireDescriptor, { readonly schema: Uint8Array }>
  DoGet: handleServerStreamingCall<unknown, never>
  DoPut: handleBidiStreamingCall<FlightData | Malformed, PutResult>
  DoExchange: handleBidiStreamingCall<unknown, never>
  DoAction: handleServerStreamingCall<WireAction, WireBytes>
  ListActions: handleServerStreamingCall<unknown, { type: string; description: string }>
}

export interface HealthHandlers {
  Check: handleUnaryCall<HealthRequest, HealthResponse>
  Watch: handleServerStreamingCall<HealthRequest, HealthResponse>
}

export const FLIGHT_SERVICE_NAME = 'arrow.flight.protocol.FlightService'
export const DO_PUT_PATH = `/${FLIGHT_SERVICE_NAME}/DoPut`

// From dist/src/server/flight, where this file runs.
const PROTO_FOLDER = fileURLToPath(new URL('../../../../proto/', import.meta.url))

const loaded = loadSync(['Flight.proto', 'Health.proto', 'Status.proto'], {
  includeDirs: [PROTO_FOLDER],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
})

const generic = loaded[FLIGHT_SERVICE_NAME] as ServiceDefinition

export const flightService: ServiceDefinition = {
  ...generic,
  DoPut: {
    ...definition('DoPut'),
    requestSerialize: encodeFlightData,
    requestDeserialize: decodeOrMalformed,
  },
}

export const healthService = loaded['grpc.health.v1.Health'] as ServiceDefinition

/** Serializers of the messages that are not part of a call. */
export const messages = {
  status: message('google.rpc.Status'),
  errorInfo: message('google.rpc.ErrorInfo'),
  retryInfo: message('google.rpc.RetryInfo'),
  flightData: message('arrow.flight.protocol.FlightData'),
}

function decodeOrMalformed(bytes: Buffer): FlightData | Malformed {
  try {
    return decodeFlightData(bytes)
  } catch (thrown) {
    return { malformed: toServiceError(thrown) }
  }
}

function definition(name: string) {
  const found = generic[name]
  if (found === undefined) throw new Error(`proto/Flight.proto has no call ${name}`)
  return found
}

function message(name: string): MessageTypeDefinition<object, object> {
  return loaded[name] as MessageTypeDefinition<object, object>
}
