/**
 * One table's stream of batches, over as many connections as it takes.
 *
 * Promises: batches arrive in the order of `write`, each exactly once: after a lost connection
 * those without an acknowledgement are sent again under their numbers, and the server recognises
 * what it had. What waits is bounded by bytes and batches. Any failure is final, typed, and says how
 * much was acknowledged.
 * Does not know: where batches come from.
 */
import { ServiceError, toServiceError } from '../errors.ts'
import { backoffMs } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import { Delivery } from './delivery.ts'
import { type FlightChannel, unreachable } from './flight.ts'
import { BatchEncoder, type EncodedBatch, type Frame, isSameSchema, splitBatch } from './frames.ts'
import { formatJson } from './json.ts'
import type { Descriptor } from './messages.ts'
import {
  type ArrowPart,
  PUT_DEFAULTS,
  type PutOptions,
  type PutResult,
  RETRY_BACKOFF,
} from './options.ts'
import { PutCall } from './put-call.ts'
import { readIpcBytes } from './read-ipc.ts'
import { checkArrow, isBytes, isEncoded, isTable } from './sources.ts'
import type { RpcFailure } from './status.ts'

export interface WriterContext {
  readonly channel: FlightChannel
  readonly descriptor: Descriptor
  readonly producer: { readonly id: string; readonly firstSequence: bigint }
  readonly retryMsMax: number
  readonly connectMsMax: number
  readonly clock: Clock
  readonly random: () => number
  /** Called once, with the number that the producer's next batch has; undefined after a failure. */
  readonly onSettled: (nextSequence: bigint | undefined) => void
}

export class TableWriter {
  readonly #context: WriterContext
  readonly #options: PutOptions
  readonly #delivery: Delivery
  readonly #done: Promise<void>
  readonly #stop = new AbortController()
  readonly #limits: Required<
    Pick<PutOptions, 'unacknowledgedBytesMax' | 'unacknowledgedBatchesMax' | 'batchBytesMax'>
  >
  readonly #onAbort = () => this.abort()
  readonly #encoder = new BatchEncoder()
  #schema: Frame | undefined
  #isClosing = false
  #isSettled = false
  /** A call with the schema ended well. */
  #isAnnounced = false
  #failure: ServiceError | undefined
  #changed = Promise.withResolvers<void>()
  /** When the failures began that no acknowledgement has ended since. */
  #failingSince: number | undefined
  #attempt = 0

  constructor(context: WriterContext, options: PutOptions) {
    this.#context = context
    this.#options = options
    this.#limits = { ...PUT_DEFAULTS, ...options }
    this.#delivery = new Delivery(options.ack ?? 'durable', context.producer.firstSequence)
    this.#done = this.#run()
    // Whoever calls `write` or `close` hears of it; nobody may be listening yet.
    this.#done.catch(() => {})
    options.signal?.addEventListener('abort', this.#onAbort)
    if (options.signal?.aborted) this.abort()
  }

  /**
   * Resolves when the batches are taken and there is room for more: not yet durable.
   *
   * @throws ServiceError of any earlier failure of this writer.
   */
  async write(part: ArrowPart): Promise<void> {
    if (this.#isClosing) throw new ServiceError('closed', 'this writer is closed')
    if (isBytes(part)) {
      for await (const batch of readIpcBytes(part)) await this.#addEncoded(batch)
    } else if (isEncoded(part)) {
      await this.#addEncoded(part)
    } else {
      checkArrow(part)
      this.#schema ??= this.#encoder.schema(part.schema)
      for (const whole of isTable(part) ? part.batches : [part]) {
        if (whole.numRows === 0) continue
        for (const batch of splitBatch(whole, this.#limits.batchBytesMax)) {
          await this.#add(this.#encoder.encode(batch))
        }
      }
    }
    this.#throwIfFailed()
    this.#notify()
  }

  /**
   * Resolves when every batch is durable, or committed if that was asked for.
   *
   * @throws ServiceError that ended the stream; `context.rows` of it are acknowledged all the same.
   */
  async close(): Promise<PutResult> {
    this.#isClosing = true
    this.#notify()
    await this.#done
    return this.#delivery.result
  }

  /** Gives up at once: whoever waits is rejected as `closed`. */
  abort(): void {
    this.#isClosing = true
    this.#stop.abort()
    this.#notify()
  }

  #addEncoded(batch: EncodedBatch): Promise<void> {
    this.#schema ??= batch.schema
    return this.#add(batch)
  }

  async #add(batch: EncodedBatch): Promise<void> {
    const { unacknowledgedBytesMax, unacknowledgedBatchesMax } = this.#limits
    this.#throwIfFailed()
    // Nothing to store, and a number that the server need not remember.
    if (batch.rows === 0) return
    this.#delivery.add(batch)
    this.#notify()
    while (!this.#delivery.hasRoom(unacknowledgedBytesMax, unacknowledgedBatchesMax)) {
      await this.#changed.promise
      this.#throwIfFailed()
    }
  }

  async #run(): Promise<void> {
    try {
      while (await this.#hasWork()) {
        const failure = await this.#deliver()
        if (failure) await this.#pause(failure)
      }
    } catch (thrown) {
      this.#failure = this.#explain(toServiceError(thrown))
      throw this.#failure
    } finally {
      this.#isSettled = true
      this.#options.signal?.removeEventListener('abort', this.#onAbort)
      const { firstUnacknowledged } = this.#delivery
      this.#context.onSettled(this.#failure ? undefined : firstUnacknowledged)
      this.#notify()
    }
  }

  /** Waits for something to send. False when all is done. */
  async #hasWork(): Promise<boolean> {
    for (;;) {
      this.#throwIfStopped()
      if (this.#needsCall() || this.#isClosing) return this.#needsCall()
      await this.#changed.promise
    }
  }

  #needsCall(): boolean {
    if (!this.#delivery.isEmpty) return true
    // A stream without a batch still creates its table.
    const isUnannounced = this.#schema !== undefined && !this.#isAnnounced
    return this.#isClosing && isUnannounced && this.#delivery.progress.batches === 0
  }

  /** One call, until it ends: a failure when it is worth another one. */
  async #deliver(): Promise<RpcFailure | undefined> {
    const schema = this.#delivery.first?.encoded.schema ?? this.#schema
    if (schema === undefined) throw new ServiceError('internal', 'a call without a schema')
    this.#delivery.beginCall()
    const call = new PutCall(this.#context.channel, (ack) => {
      if (this.#delivery.acknowledge(ack)) this.#progress()
    })
    const onStop = () => call.cancel()
    this.#stop.signal.addEventListener('abort', onStop)
    void call.ended.then(() => this.#notify())
    try {
      const isFinished = await this.#sendAll(call, schema)
      const end = await call.ended
      this.#throwIfStopped()
      if (end.kind === 'failed') return retryable(end)
      if (!isFinished || !this.#delivery.endCall()) return endedEarly()
      this.#isAnnounced = true
      this.#progress()
      return undefined
    } finally {
      call.cancel()
      this.#stop.signal.removeEventListener('abort', onStop)
    }
  }

  /** True when the call was half-closed: nothing of this schema is left to send. */
  async #sendAll(call: PutCall, schema: Frame): Promise<boolean> {
    const { descriptor, producer } = this.#context
    let dictionaries: EncodedBatch['dictionaries'] = []
    await call.send({ descriptor, ...schema })
    while (!call.hasEnded) {
      const next = this.#delivery.unsent
      if (next && isSameSchema(next.encoded.schema, schema)) {
        const { encoded, sequence } = next
        for (const dictionary of missing(encoded.dictionaries, dictionaries)) {
          await call.send(dictionary)
        }
        dictionaries = encoded.dictionaries
        this.#delivery.markSent()
        const metadata = formatJson({ producer_id: producer.id, sequence })
        await call.send({ ...encoded.batch, metadata })
      } else if (next || this.#isClosing) {
        call.halfClose()
        return true
      } else {
        await this.#changed.promise
      }
    }
    return false
  }

  async #pause({ error, isTransport, retryDelayMs = 0 }: RpcFailure): Promise<void> {
    // Nothing was lost: if there is a next call, it waits for the next batch.
    if (!this.#needsCall()) return
    const { clock, random, channel } = this.#context
    const failingMsMax = this.#failingMsMax(isTransport)
    this.#failingSince ??= clock.monotonic()
    const failingMs = clock.monotonic() - this.#failingSince
    if (failingMs >= failingMsMax) {
      throw isTransport ? unreachable(channel.address, error) : error
    }
    const delayMs = Math.max(retryDelayMs, backoffMs(RETRY_BACKOFF, this.#attempt, random()))
    this.#attempt += 1
    await clock.sleep(Math.min(delayMs, failingMsMax - failingMs), this.#stop.signal)
  }

  #failingMsMax(isTransport: boolean): number {
    const { channel, retryMsMax, connectMsMax } = this.#context
    const isUnknown = isTransport && !channel.hasAnswered
    return isUnknown ? Math.min(retryMsMax, connectMsMax) : retryMsMax
  }

  #progress(): void {
    this.#failingSince = undefined
    this.#attempt = 0
    this.#notify()
    this.#options.onProgress?.(this.#delivery.progress)
  }

  #explain(error: ServiceError): ServiceError {
    const { rows, batches } = this.#delivery.progress
    const { id: producerId } = this.#context.producer
    const firstUnacknowledged = this.#delivery.firstUnacknowledged
    const context = { ...error.context, rows, batches, producerId, firstUnacknowledged }
    // Not the error as its cause: whoever prints both would read the same text twice.
    return new ServiceError(error.kind, error.message, { context, cause: error.cause })
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure
    if (this.#isSettled) throw new ServiceError('closed', 'this writer is closed')
  }

  #throwIfStopped(): void {
    if (this.#stop.signal.aborted) throw new ServiceError('closed', 'the put was stopped')
  }

  #notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }
}

/** What this call has not sent; for most batches there is nothing to look at. */
function missing(
  needed: EncodedBatch['dictionaries'],
  sent: EncodedBatch['dictionaries'],
): EncodedBatch['dictionaries'] {
  if (needed === sent) return []
  const known = new Set(sent)
  return needed.filter((dictionary) => !known.has(dictionary))
}

/** @throws ServiceError when no further call would help. */
function retryable(failure: RpcFailure): RpcFailure {
  if (!failure.isRetryable) throw failure.error
  return failure
}

function endedEarly(): RpcFailure {
  const error = new ServiceError('unavailable', 'the server ended the stream early')
  return { error, isRetryable: true, isTransport: true, retryDelayMs: undefined }
}
