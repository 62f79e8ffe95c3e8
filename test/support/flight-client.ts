/**
 * A Flight client for tests: grpc-js with the server's own contract, every message by hand, so that
 * each client's habits can be played.
 */
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type ServiceError as GrpcServiceError,
  Metadata,
  type MethodDefinition,
} from '@grpc/grpc-js'
import { configSchema } from '../../src/config/schema.ts'
import { parseJson } from '../../src/json.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { flightService, healthService, messages } from '../../src/server/flight/contract.ts'
import type { FlightData, FlightDescriptor } from '../../src/server/flight/flight-data.ts'
import {
  type FlightConfig,
  type FlightServer,
  startFlightServer,
} from '../../src/server/flight/server.ts'
import { FakeServices } from './flight-fakes.ts'

export { Metadata } from '@grpc/grpc-js'

const EMPTY = new Uint8Array(0)

export type PutCall = ClientDuplexStream<Partial<FlightData>, { app_metadata: Buffer }>

export interface FlightFixture {
  readonly services: FakeServices
  readonly server: FlightServer
  readonly client: TestFlightClient
  close(): Promise<void>
}

/** A server on a free port, its fakes, and a client. */
export async function startFixture(config: Partial<FlightConfig> = {}): Promise<FlightFixture> {
  const services = new FakeServices()
  const server = await startFlightServer({
    services,
    config: { ...flightConfig(), drainMs: 2_000, ...config },
    logger: silentLogger,
  })
  const client = new TestFlightClient(server.address)
  return {
    services,
    server,
    client,
    close: async () => {
      client.close()
      await server.close()
    },
  }
}

export function flightConfig(config: Partial<FlightConfig> = {}): FlightConfig {
  return { ...configSchema.parse({}).flight, port: 0, ...config }
}

export class TestFlightClient {
  readonly #client: Client

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
    })
  }

  put(headers: Readonly<Record<string, string>> = {}): PutCall {
    const method = flightMethod<{ app_metadata: Buffer }>('DoPut')
    return this.#client.makeBidiStreamRequest(
      method.path,
      (data: Partial<FlightData>) => method.requestSerialize(flightData(data)),
      method.responseDeserialize,
      metadataOf(headers),
    )
  }

  duplex(name: string): ClientDuplexStream<object, { payload: Buffer }> {
    const method = flightMethod<{ payload: Buffer }>(name)
    return this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
    )
  }

  unary<T>(name: string, request: object, headers: Readonly<Record<string, string>> = {}) {
    return this.#unary<T>(flightMethod(name), request, headers)
  }

  /** All answers, or the error. */
  rows<T>(name: string, request: object, headers: Readonly<Record<string, string>> = {}) {
    const method = flightMethod(name)
    return collect<T>(
      this.#client.makeServerStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(headers),
      ),
    )
  }

  check(service: string): Promise<{ status: string }> {
    return this.#unary(healthService['Check'] as MethodDefinition<object, object>, { service }, {})
  }

  watch(service: string): ClientReadableStream<{ status: string }> {
    const method = healthService['Watch'] as MethodDefinition<object, { status: string }>
    return this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      { service },
    )
  }

  close(): void {
    this.#client.close()
  }

  #unary<T>(
    method: MethodDefinition<object, object>,
    request: object,
    headers: Readonly<Record<string, string>>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(headers),
        (error, response) => (error === null ? resolve(response as T) : reject(error)),
      )
    })
  }
}

export interface PutOutcome {
  readonly acks: readonly Record<string, unknown>[]
  readonly error: GrpcServiceError | undefined
}

/** Reads to the end. */
export async function putOutcome(call: PutCall): Promise<PutOutcome> {
  const acks: Record<string, unknown>[] = []
  call.on('data', ({ app_metadata }) => acks.push(ackOf(app_metadata)))
  const error = await new Promise<GrpcServiceError | undefined>((resolve) => {
    call.on('error', (thrown: GrpcServiceError) => resolve(thrown))
    call.on('end', () => setImmediate(() => resolve(undefined)))
  })
  return { acks, error }
}

export function ackOf(appMetadata: Buffer): Record<string, unknown> {
  return parseJson(appMetadata.toString('utf8')) as Record<string, unknown>
}

export function pathTo(...path: string[]): FlightDescriptor {
  return { type: 'path', path, cmd: EMPTY }
}

export function command(value: unknown): FlightDescriptor {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return { type: 'cmd', path: [], cmd: Buffer.from(text, 'utf8') }
}

export function note(value: object): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8')
}

/** A flatbuffer `Message` as far as its union tag; `mark` makes it differ from others. */
export function ipcHeader(kind: 'schema' | 'dictionary' | 'batch' | 'tensor', mark = 0): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(12, 0)
  header.writeUInt16LE(8, 4)
  header.writeUInt16LE(8, 6)
  header.writeUInt16LE(0, 8)
  header.writeUInt16LE(4, 10)
  header.writeInt32LE(8, 12)
  header.writeUInt8({ schema: 1, dictionary: 2, batch: 3, tensor: 4 }[kind], 16)
  header.writeUInt32LE(mark, 20)
  return header
}

export const SCHEMA = { header: ipcHeader('schema') }

export function batch(bytes = 64, appMetadata: Uint8Array = EMPTY) {
  return { header: ipcHeader('batch'), body: Buffer.alloc(bytes, 1), appMetadata }
}

/** What `grpc-status-details-bin` says. */
export function errorDetails(error: Pick<GrpcServiceError, 'metadata'> | undefined) {
  const [bytes = ''] = error?.metadata.get('grpc-status-details-bin') ?? []
  const status = messages.status.deserialize(bytes as Buffer) as {
    code: number
    message: string
    details: { type_url: string; value: Buffer }[]
  }
  const find = (name: string) =>
    status.details.find(({ type_url }) => type_url === `type.googleapis.com/google.rpc.${name}`)
  const info = find('ErrorInfo')
  const retry = find('RetryInfo')
  return {
    code: status.code,
    info: messages.errorInfo.deserialize(info?.value as Buffer) as {
      reason: string
      domain: string
      metadata: Record<string, string>
    },
    retry: retry && (messages.retryInfo.deserialize(retry.value) as { retry_delay: object }),
  }
}

function flightMethod<Response extends object = object>(name: string) {
  return flightService[name] as MethodDefinition<object, Response>
}

function flightData(data: Partial<FlightData>): FlightData {
  return {
    descriptor: undefined,
    header: EMPTY,
    appMetadata: EMPTY,
    body: EMPTY,
    bytes: 0,
    ...data,
  }
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

function collect<T>(call: ClientReadableStream<unknown>): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const rows: T[] = []
    call.on('data', (row: T) => rows.push(row))
    call.on('error', reject)
    call.on('end', () => resolve(rows))
  })
}
