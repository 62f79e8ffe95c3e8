/**
 * Back-pressure by not reading: a budget of bytes over all streams, and of messages per stream.
 *
 * grpc-js by itself reads 17 messages ahead, whatever their size. Here a stream's next read starts
 * only while the messages that were read and not yet released are below both limits. A message is
 * sized when it is there, so the budget is exceeded by at most one message of each open stream;
 * besides, HTTP/2 holds one flow-control window for each.
 */
import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'

export interface ReadGateOptions {
  readonly bytesMax: number
  readonly messagesPerStreamMax: number
  /** The only call that is gated. */
  readonly path: string
  readonly weigh: (message: object) => number
}

/** Bookkeeping of a message: an endless run of empty ones must reach the limit too. */
const MESSAGE_OVERHEAD_BYTES = 512

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0]

interface Lease {
  readonly call: GatedCall
  readonly bytes: number
}

export class ReadGate {
  readonly interceptor: ServerInterceptor
  readonly #options: ReadGateOptions
  readonly #leases = new WeakMap<object, Lease>()
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<GatedCall>()
  #inflightBytes = 0

  constructor(options: ReadGateOptions) {
    this.#options = options
    this.interceptor = (method, call) =>
      method.path === options.path
        ? new GatedCall(call, this)
        : // Nothing to do for the others, but this is what an interceptor returns.
          new ServerInterceptingCall(call)
  }

  /** Bytes that were read and not yet released. */
  get inflightBytes(): number {
    return this.#inflightBytes
  }

  /** The message outlives its call: only {@link release} frees it from now on. */
  hold(message: object): void {
    this.#leases.get(message)?.call.forget(message)
  }

  /** The message's memory is no longer needed here. Safe to call twice. */
  release(message: object): void {
    const lease = this.#leases.get(message)
    if (lease === undefined) return
    this.#leases.delete(message)
    lease.call.forget(message)
    lease.call.inflight -= 1
    this.#inflightBytes -= lease.bytes
    this.#wake()
  }

  /** For {@link GatedCall}: reads now, or as soon as there is room. */
  read(call: GatedCall): void {
    this.#waiting.add(call)
    this.#wake()
  }

  arrived(call: GatedCall, message: object): void {
    const bytes = this.#options.weigh(message) + MESSAGE_OVERHEAD_BYTES
    this.#leases.set(message, { call, bytes })
    call.inflight += 1
    this.#inflightBytes += bytes
  }

  leave(call: GatedCall): void {
    this.#waiting.delete(call)
  }

  #wake(): void {
    for (const call of this.#waiting) {
      if (this.#inflightBytes >= this.#options.bytesMax) return
      if (call.inflight >= this.#options.messagesPerStreamMax) continue
      this.#waiting.delete(call)
      call.readNow()
    }
  }
}

class GatedCall extends ServerInterceptingCall {
  readonly #gate: ReadGate
  /** Messages that nobody has taken yet; they go when the call goes. */
  readonly #untaken = new Set<object>()
  /** Messages read and not released, taken or not. */
  inflight = 0

  constructor(call: ServerInterceptingCallInterface, gate: ReadGate) {
    super(call)
    this.#gate = gate
  }

  override start(listener: Listener): void {
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message: object) => {
        this.#gate.arrived(this, message)
        this.#untaken.add(message)
        listener.onReceiveMessage(message)
      },
      onReceiveHalfClose: () => listener.onReceiveHalfClose(),
      onCancel: () => {
        this.#gate.leave(this)
        for (const message of this.#untaken) this.#gate.release(message)
        listener.onCancel()
      },
    })
  }

  override startRead(): void {
    this.#gate.read(this)
  }

  readNow(): void {
    super.startRead()
  }

  forget(message: object): void {
    this.#untaken.delete(message)
  }
}
