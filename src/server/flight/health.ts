/**
 * `grpc.health.v1.Health`: whether to send work here. Turns to NOT_SERVING before a drain begins,
 * so that balancers look elsewhere while open streams are finished.
 */
import type { ServerWritableStream } from '@grpc/grpc-js'
import { ServiceError } from '../../errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { answering } from './calls.ts'
import {
  FLIGHT_SERVICE_NAME,
  type HealthHandlers,
  type HealthRequest,
  type HealthResponse,
} from './contract.ts'
import { toGrpcError } from './status.ts'

type Watcher = ServerWritableStream<HealthRequest, HealthResponse>

const SERVICES: readonly string[] = ['', FLIGHT_SERVICE_NAME]

export class Health {
  readonly handlers: HealthHandlers
  /** Bounded by the streams that connections may open. */
  readonly #watchers = new Set<Watcher>()
  #isServing = true

  constructor(logger: Logger) {
    this.handlers = {
      Check: answering(logger, async ({ request }) => this.#check(request.service)),
      Watch: (call) => this.#watch(call),
    }
  }

  /** Tells everyone who watches, and lets them go: a drain must not wait for them. */
  stopServing(): void {
    this.#isServing = false
    const closed = new ServiceError('closed', 'the server is draining: connect to another')
    for (const watcher of this.#watchers) {
      if (SERVICES.includes(watcher.request.service)) watcher.write(this.#response())
      watcher.emit('error', toGrpcError(closed))
    }
    this.#watchers.clear()
  }

  #check(service: string): HealthResponse {
    if (SERVICES.includes(service)) return this.#response()
    throw new ServiceError('not-found', `no service ${JSON.stringify(service.slice(0, 80))} here`)
  }

  #watch(call: Watcher): void {
    this.#watchers.add(call)
    call.on('cancelled', () => this.#watchers.delete(call))
    const isKnown = SERVICES.includes(call.request.service)
    call.write(isKnown ? this.#response() : { status: 'SERVICE_UNKNOWN' })
    if (!this.#isServing) this.stopServing()
  }

  #response(): HealthResponse {
    return { status: this.#isServing ? 'SERVING' : 'NOT_SERVING' }
  }
}
