/**
 * One DoPut: messages in, durable batches acknowledged in order, one status at the end.
 *
 * Promises: a PutResult covers only what is durable; OK comes only after the client's half-close,
 * with every batch durable; the first error ends reading, lets earlier appends settle, tells what
 * became durable, and then is the status. What was appended stays, whatever happens to the client.
 * Appends are pipelined: the read gate bounds how many.
 */
import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js'
import { ServiceError, toServiceError } from '../../errors.ts'
import type { BatchAck, IngestStream } from '../../ingest/ingest.ts'
import type { Logger } from '../../runtime/logger.ts'
import { Acks } from './acks.ts'
import type { Malformed, PutResult } from './contract.ts'
import type { FlightData } from './flight-data.ts'
import { messageKind } from './message-kind.ts'
import { MessageReader } from './message-reader.ts'
import { PutOpening } from './put-opening.ts'
import type { ReadGate } from './read-gate.ts'
import type { FlightServices } from './services.ts'
import { toGrpcError } from './status.ts'
import { readHeaders } from './stream-options.ts'

export type PutCall = ServerDuplexStream<FlightData | Malformed, PutResult>

export interface PutContext {
  readonly services: Pick<FlightServices, 'ingest' | 'awaitCommitted'>
  readonly gate: Pick<ReadGate, 'hold' | 'release'>
  readonly logger: Logger
  /** Most bytes of dictionaries that wait for their stream to open. */
  readonly heldBytesMax: number
}

export class PutStream {
  readonly #call: PutCall
  readonly #context: PutContext
  readonly #reader: MessageReader<FlightData | Malformed>
  readonly #acks: Acks
  #opening: PutOpening | undefined
  #stream: IngestStream | undefined
  /** Settles, in order, with everything that was appended; never rejects. */
  #appended: Promise<void> = Promise.resolve()
  #unsettled = 0
  #received = 0
  /** Once a batch has failed, what comes after it is not acknowledged: acks have no gaps. */
  #hasGap = false
  #failure: ServiceError | undefined
  #interruption: ServiceError | undefined

  constructor(call: PutCall, context: PutContext) {
    this.#call = call
    this.#context = context
    this.#reader = new MessageReader(call)
    this.#acks = new Acks((result, flushed) => {
      if (!this.#reader.isGone) call.write(result, flushed)
    })
  }

  /** Messages so far. */
  get received(): number {
    return this.#received
  }

  /** Whether everything that came is settled. */
  get isIdle(): boolean {
    return this.#unsettled === 0
  }

  /**
   * Ends the stream from our side: what was read settles and is acknowledged first. A stream that
   * its client has half-closed ends well, except that it no longer waits for a commit.
   */
  interrupt(reason: ServiceError): void {
    this.#interruption = reason
    this.#reader.stop()
  }

  /** Resolves when the call has its status, or the client is gone, and every append has settled. */
  async run(): Promise<void> {
    // At once: some clients wait for it before they send anything.
    this.#call.sendMetadata(new Metadata())
    try {
      const end = await this.#readAll()
      await this.#appended
      if (this.#failure === undefined) {
        if (end === 'half-closed') await this.#finish()
        if (end === 'stopped') this.#failure = this.#interruption
      }
    } catch (thrown) {
      this.#failure ??= toServiceError(thrown)
    }
    await this.#appended
    if (this.#failure !== undefined) this.#fail(this.#failure)
  }

  async #readAll(): Promise<'half-closed' | 'gone' | 'stopped'> {
    const options = readHeaders(this.#call.metadata)
    const opening = new PutOpening(options, this.#context.heldBytesMax)
    this.#opening = opening
    for (;;) {
      const next = await this.#reader.next()
      if (next.kind === 'half-closed') await this.#open(opening)
      if (next.kind !== 'message') return next.kind
      this.#received += 1
      await this.#take(next.message, opening)
    }
  }

  async #take(message: FlightData | Malformed, opening: PutOpening): Promise<void> {
    if ('malformed' in message) throw message.malformed
    if (message.descriptor !== undefined) opening.describe(message.descriptor)
    const kind = message.header.length === 0 ? 'none' : messageKind(message.header)
    switch (kind) {
      case 'none':
        if (message.body.length > 0) {
          throw new ServiceError('invalid', 'a data_body came without its data_header')
        }
        opening.note(message.appMetadata)
        break
      case 'end':
        break
      case 'schema':
        opening.declare(message.header)
        opening.note(message.appMetadata)
        // Early, so that a refusal comes early; otherwise the first batch may name the producer.
        if (opening.isProducerKnown) await this.#open(opening)
        break
      case 'dictionary':
        opening.note(message.appMetadata)
        if (this.#stream !== undefined) return this.#append(this.#stream, message)
        opening.hold(message)
        break
      case 'batch': {
        const sequence = opening.sequenceOf(message)
        return this.#append(await this.#open(opening), message, sequence)
      }
    }
    this.#context.gate.release(message)
  }

  async #open(opening: PutOpening): Promise<IngestStream> {
    if (this.#stream !== undefined) return this.#stream
    this.#unsettled += 1
    const stream = await this.#context.services.ingest.openStream(opening.request())
    this.#unsettled -= 1
    this.#stream = stream
    for (const dictionary of opening.takeHeld()) this.#append(stream, dictionary)
    return stream
  }

  /** Does not wait: the acknowledgement follows when this and all earlier ones are durable. */
  #append(stream: IngestStream, message: FlightData, sequence?: bigint): void {
    const { gate } = this.#context
    gate.hold(message)
    this.#unsettled += 1
    const append = async () =>
      stream.message({ metadata: message.header, body: message.body }, sequence)
    const outcome = append()
      .then(
        (ack) => ({ ack, error: undefined }),
        (thrown: unknown) => {
          // Nothing more is read, though earlier batches may still be on their way to the disk.
          this.#reader.stop()
          return { ack: undefined, error: toServiceError(thrown) }
        },
      )
      .finally(() => gate.release(message))
    this.#appended = this.#appended.then(async () => {
      const { ack, error } = await outcome
      this.#settle(ack, error)
    })
  }

  #settle(ack: BatchAck | undefined, error: ServiceError | undefined): void {
    this.#unsettled -= 1
    if (error !== undefined) {
      this.#hasGap = true
      this.#failure ??= error
    } else if (ack !== undefined && !this.#hasGap) {
      this.#acks.add(ack)
    }
  }

  async #finish(): Promise<void> {
    const { last } = this.#acks
    let snapshotId: bigint | undefined
    if (last !== undefined && this.#opening?.isCommitAwaited === true) {
      const committed = this.#context.services.awaitCommitted(last.key, last.sequence)
      const done = await Promise.race([committed, this.#reader.whenCut])
      if (done === undefined) {
        this.#failure = this.#interruption
        return
      }
      snapshotId = done.snapshotId
    }
    if (this.#reader.isGone) return
    this.#acks.finish(snapshotId)
    this.#call.end()
  }

  #fail(failure: ServiceError): void {
    const { logger } = this.#context
    if (failure.kind === 'internal') logger.error({ err: failure }, 'put failed')
    else logger.debug({ kind: failure.kind, reason: failure.message }, 'put refused')
    if (this.#reader.isGone) return
    this.#acks.finishIfDue()
    this.#call.emit('error', toGrpcError(failure))
  }
}
