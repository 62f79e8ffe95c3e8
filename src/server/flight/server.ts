/**
 * The Flight server's life: bind, serve, drain, close.
 *
 * Promises: it listens beyond this machine only if asked to, as there is no authentication; every
 * limit of the `flight` section holds; a drain acknowledges what was read before it ends a stream.
 * It knows the log only through `services`.
 */
import { isIPv6 } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { isLoopback } from '../../config/loopback.ts'
import type { Config } from '../../config/schema.ts'
import { ServiceError } from '../../errors.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import { doAction, listActions } from './actions.ts'
import { answering, streaming } from './calls.ts'
import { DO_PUT_PATH, type FlightHandlers, flightService, healthService } from './contract.ts'
import { type PutCall, PutStream } from './do-put.ts'
import { drainStreams } from './drain.ts'
import type { FlightData } from './flight-data.ts'
import { handshake } from './handshake.ts'
import { Health } from './health.ts'
import { raiseConnectionWindows, raiseStreamWindows } from './http2-windows.ts'
import { getFlightInfo, getSchema, listFlights } from './list.ts'
import { explainingMessageLimit } from './message-limit.ts'
import { ReadGate } from './read-gate.ts'
import type { FlightServices } from './services.ts'
import {
  EXCHANGE_REFUSAL,
  GET_REFUSAL,
  POLL_REFUSAL,
  refusingDuplex,
  refusingStream,
  refusingUnary,
} from './unsupported.ts'

export type FlightConfig = Config['flight']

export interface FlightServerOptions {
  readonly services: FlightServices
  readonly config: FlightConfig
  readonly logger: Logger
  /** For the drain's deadline. */
  readonly clock?: Clock
}

const KEEPALIVE_INTERVAL_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000

/**
 * Resolves when clients can connect.
 *
 * @throws ServiceError `invalid` for a host that needs `flight.allowInsecure`; `unavailable` when
 * the address cannot be bound.
 */
export async function startFlightServer(options: FlightServerOptions): Promise<FlightServer> {
  checkHost(options.config)
  const server = new FlightServer(options)
  await server.bind()
  return server
}

export class FlightServer {
  readonly #options: FlightServerOptions
  readonly #server: Server
  readonly #gate: ReadGate
  readonly #health: Health
  readonly #streams = new Set<PutStream>()
  #port = 0
  #draining: Promise<void> | undefined

  constructor(options: FlightServerOptions) {
    const { config, logger } = options
    this.#options = options
    this.#health = new Health(logger)
    this.#gate = new ReadGate({
      path: DO_PUT_PATH,
      bytesMax: config.inflightBytesMax,
      messagesPerStreamMax: config.inflightBatchesPerStreamMax,
      weigh: (message) => (message as Partial<FlightData>).bytes ?? 0,
    })
    this.#server = new Server({
      'grpc.max_receive_message_length': config.messageBytesMax,
      'grpc.max_send_message_length': config.messageBytesMax,
      'grpc.max_concurrent_streams': config.concurrentStreamsPerConnectionMax,
      'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.enable_channelz': 0,
      interceptors: [explainingMessageLimit(config.messageBytesMax), this.#gate.interceptor],
    })
    this.#server.addService(flightService, { ...this.#handlers() })
    this.#server.addService(healthService, { ...this.#health.handlers })
  }

  /** `host:port`, as a client writes it. */
  get address(): string {
    return formatAddress(this.#options.config.host, this.#port)
  }

  get port(): number {
    return this.#port
  }

  /** Bytes of DoPut messages that were read and are not yet durable or refused. */
  get inflightBytes(): number {
    return this.#gate.inflightBytes
  }

  /** DoPut calls that have not ended, or whose appends have not settled. */
  get openStreams(): number {
    return this.#streams.size
  }

  /** Once, by {@link startFlightServer}. */
  async bind(): Promise<void> {
    const { config, logger } = this.#options
    const hasStreamWindows = raiseStreamWindows(this.#server, config)
    this.#port = await listen(this.#server, formatAddress(config.host, config.port))
    const hasConnectionWindows = raiseConnectionWindows(this.#server, config)
    if (!hasStreamWindows || !hasConnectionWindows) {
      logger.warn('HTTP/2 windows could not be raised: writing will be several times slower')
    }
  }

  /**
   * Takes no new calls, ends streams that are quiet, lets the others finish for `drainMs`, then
   * ends them too. Whatever was read is acknowledged or refused first. Safe to call twice.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  /** Ends everything at once; what clients have no acknowledgement for, they send again. */
  async close(): Promise<void> {
    this.#draining ??= Promise.resolve()
    this.#health.stopServing()
    this.#server.forceShutdown()
  }

  async #drain(): Promise<void> {
    const { config, clock = systemClock } = this.#options
    this.#health.stopServing()
    const closed = new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => resolve())
    })
    await drainStreams({ streams: this.#streams, drainMs: config.drainMs, closed, clock })
    this.#server.forceShutdown()
  }

  #handlers(): FlightHandlers {
    const { services, logger } = this.#options
    return {
      Handshake: handshake,
      ListFlights: streaming(logger, (call) => listFlights(services, call)),
      GetFlightInfo: answering(logger, (call) => getFlightInfo(services, call)),
      PollFlightInfo: refusingUnary(POLL_REFUSAL),
      GetSchema: answering(logger, (call) => getSchema(services, call)),
      DoGet: refusingStream(GET_REFUSAL),
      DoPut: (call) => this.#put(call),
      DoExchange: refusingDuplex(EXCHANGE_REFUSAL),
      DoAction: streaming(logger, (call) => doAction(services, call)),
      ListActions: streaming(logger, () => listActions()),
    }
  }

  #put(call: PutCall): void {
    const { services, logger, config } = this.#options
    const context = { services, logger, gate: this.#gate, heldBytesMax: config.messageBytesMax }
    const stream = new PutStream(call, context)
    this.#streams.add(stream)
    stream
      .run()
      .catch((error: unknown) => logger.error({ err: error }, 'put ended badly'))
      .finally(() => this.#streams.delete(stream))
  }
}

function checkHost({ host, allowInsecure }: FlightConfig): void {
  if (isLoopback(host) || allowInsecure) return
  throw new ServiceError(
    'invalid',
    `flight.host ${host} can be reached by other machines and no authentication is configured: set flight.allowInsecure to serve everyone, or use 127.0.0.1`,
  )
}

function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
      if (cause === null) return resolve(port)
      const message = `cannot listen on ${address} (${cause.message}): free it, or choose another flight.port`
      reject(new ServiceError('unavailable', message, { cause }))
    })
  })
}
