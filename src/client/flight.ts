/**
 * The Flight service as the calls that this client makes, over one grpc-js channel.
 *
 * Promises: what fails, fails with a ServiceError; every call but a put has a deadline.
 * Does not know: Arrow, producers, retries.
 */
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js'
import { ServiceError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import {
  type Descriptor,
  decodeFlightInfo,
  decodePutResult,
  decodeResult,
  decodeSchemaResult,
  encodeAction,
  encodeDescriptor,
  encodeFlightData,
  type FlightData,
  type FlightInfo,
} from './messages.ts'
import { fromRpcError } from './status.ts'

const SERVICE = '/arrow.flight.protocol.FlightService'
const TENANT_HEADER = 'x-tenant-id'
/** Results of one list or action; far above any real answer. */
const RESULTS_MAX = 100_000
const CHANNEL_OPTIONS = {
  'grpc.max_send_message_length': -1,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // A peer that vanished without a word is noticed within 40 seconds.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // Two clients are two connections: closing one must not wait for the other.
  'grpc.use_local_subchannel_pool': 1,
} as const

export type PutStream = ClientDuplexStream<FlightData, string>

export interface FlightTarget {
  /** `host:port`. */
  readonly target: string
  readonly isSecure: boolean
}

const FORMS = 'use host:port, grpc://host:port or grpc+tls://host:port'

/** @throws ServiceError `invalid` */
export function parseAddress(address: string): FlightTarget {
  const [, scheme = 'grpc', target = ''] = /^(?:([a-z+]+):\/\/)?(.*?)\/?$/i.exec(address) ?? []
  const isPlain = scheme === 'grpc' || scheme === 'grpc+tcp'
  const isSecure = scheme === 'grpc+tls'
  const port = Number(/^(?:[^:/\s]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(target)?.[1])
  if ((isPlain || isSecure) && port >= 1 && port <= 65_535) return { target, isSecure }
  throw new ServiceError(
    'invalid',
    `address ${JSON.stringify(address)} is not understood: ${FORMS}`,
  )
}

export class FlightChannel {
  readonly #client: Client
  readonly #tenant: string | undefined
  readonly #address: string
  readonly #clock: Clock
  #hasAnswered = false

  constructor(address: string, tenant: string | undefined, clock: Clock) {
    const { target, isSecure } = parseAddress(address)
    const security = isSecure ? credentials.createSsl() : credentials.createInsecure()
    this.#client = new Client(target, security, CHANNEL_OPTIONS)
    this.#tenant = tenant
    this.#address = target
    this.#clock = clock
  }

  /** Host and port, for messages. */
  get address(): string {
    return this.#address
  }

  /** Whether somebody who speaks gRPC was ever there. */
  get hasAnswered(): boolean {
    return this.#hasAnswered
  }

  put(): PutStream {
    const stream: PutStream = this.#client.makeBidiStreamRequest(
      `${SERVICE}/DoPut`,
      encodeFlightData,
      decodePutResult,
      this.#headers(),
    )
    stream.on('metadata', () => this.#answered())
    return stream
  }

  /** The bodies of the action's results. */
  action(type: string, body: string, timeoutMs: number): Promise<string[]> {
    const request = encodeAction(type, body)
    return this.#collect('DoAction', request, decodeResult, timeoutMs)
  }

  list(timeoutMs: number): Promise<FlightInfo[]> {
    return this.#collect('ListFlights', Buffer.alloc(0), decodeFlightInfo, timeoutMs)
  }

  /** The encapsulated schema message of GetSchema's answer. */
  schema(descriptor: Descriptor, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `${SERVICE}/GetSchema`,
        encodeDescriptor,
        decodeSchemaResult,
        descriptor,
        this.#headers(),
        { deadline: this.#clock.now() + timeoutMs },
        (error, result) => {
          if (error === null && result !== undefined) resolve(result)
          else reject(this.#explain(error))
        },
      )
    })
  }

  close(): void {
    this.#client.close()
  }

  #headers(): Metadata {
    const headers = new Metadata()
    if (this.#tenant !== undefined) headers.set(TENANT_HEADER, this.#tenant)
    return headers
  }

  async #collect<T>(
    method: string,
    request: Buffer,
    decode: (message: Buffer) => T,
    timeoutMs: number,
  ): Promise<T[]> {
    const call = this.#client.makeServerStreamRequest(
      `${SERVICE}/${method}`,
      (message: Buffer) => message,
      decode,
      request,
      this.#headers(),
      { deadline: this.#clock.now() + timeoutMs },
    )
    const results: T[] = []
    try {
      for await (const result of call) {
        if (results.length >= RESULTS_MAX) throw tooMany(method)
        results.push(result as T)
      }
      this.#answered()
    } catch (thrown) {
      throw this.#explain(thrown)
    }
    return results
  }

  #answered(): void {
    this.#hasAnswered = true
  }

  #explain(thrown: unknown): unknown {
    const failure = fromRpcError(thrown)
    if (failure === undefined) return thrown
    if (failure.isTransport) return unreachable(this.#address, failure.error)
    this.#answered()
    return failure.error
  }
}

/** What a lost or refused connection looks like to people: where to, and what to do. */
export function unreachable(address: string, { message: reason, cause }: Error): ServiceError {
  const message = `cannot reach Frazil at ${address} (${reason}): is it running there?`
  return new ServiceError('unavailable', message, { cause })
}

function tooMany(method: string): ServiceError {
  return new ServiceError('internal', `${method} gave more than ${RESULTS_MAX} results`)
}
