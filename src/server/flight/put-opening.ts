/**
 * What one DoPut said before its first batch: table, schema, producer, dictionaries.
 *
 * Pure but for its own state. Clients spread this over messages as they like: a descriptor alone,
 * a schema with app_metadata, dictionaries, and pyarrow can name its producer only on the first
 * record batch; so everything is collected until that batch, or the end, asks for the request.
 */
import { ServiceError } from '../../errors.ts'
import type { StreamRequest } from '../../ingest/ingest.ts'
import { isSameDescriptor, readDescriptor, refusePlanned, type Target } from './descriptor.ts'
import type { FlightData, FlightDescriptor } from './flight-data.ts'
import { type ProducerNote, readProducerNote, type StreamOptions } from './stream-options.ts'

export class PutOpening {
  readonly #options: StreamOptions
  readonly #heldBytesMax: number
  #descriptor: FlightDescriptor | undefined
  #target: Target | undefined
  #schema: Uint8Array | undefined
  #producerId: string | undefined
  #firstSequence: bigint | undefined
  #held: FlightData[] = []
  #heldBytes = 0
  #isRequested = false

  constructor(options: StreamOptions, heldBytesMax: number) {
    this.#options = options
    this.#heldBytesMax = heldBytesMax
    this.#producerId = options.producer?.id
    this.#firstSequence = options.producer?.sequence
  }

  get isCommitAwaited(): boolean {
    return (this.#target?.ack ?? this.#options.ack) === 'committed'
  }

  /** Whether the request can be made before a batch has been seen. */
  get isProducerKnown(): boolean {
    return this.#producerId !== undefined
  }

  /** The first descriptor counts; it may be repeated and never changed. */
  describe(descriptor: FlightDescriptor): void {
    if (this.#descriptor === undefined) {
      this.#target = readDescriptor(this.#options.tenant, descriptor)
      refusePlanned(this.#target)
      this.#descriptor = descriptor
      this.#producerId = this.#target.producer?.id ?? this.#producerId
      this.#firstSequence = this.#target.producer?.sequence ?? this.#firstSequence
    } else if (!isSameDescriptor(this.#descriptor, descriptor)) {
      throw new ServiceError('invalid', 'a stream writes to one table: the descriptor has changed')
    }
  }

  /** A schema that is repeated byte for byte changes nothing. */
  declare(schema: Uint8Array): void {
    if (this.#descriptor === undefined) throw noDescriptor()
    if (this.#schema === undefined) {
      this.#schema = schema
    } else if (Buffer.compare(this.#schema, schema) !== 0) {
      throw new ServiceError(
        'invalid',
        'the schema has changed within the stream: end it and open another for the new schema',
      )
    }
  }

  /** Keeps a dictionary until the stream is open. */
  hold(dictionary: FlightData): void {
    this.#checkSchema('a dictionary batch')
    this.#heldBytes += dictionary.bytes
    if (this.#heldBytes > this.#heldBytesMax) {
      throw new ServiceError(
        'too-large',
        `the dictionaries before the first record batch are larger than ${this.#heldBytesMax} bytes`,
      )
    }
    this.#held.push(dictionary)
  }

  /** Before the first batch: who sends, and the first number if the batches carry none. */
  note(appMetadata: Uint8Array): void {
    if (this.#isRequested) return
    const note = readProducerNote(appMetadata)
    this.#name(note)
    this.#firstSequence ??= note.sequence
  }

  /** The number that a batch carries itself, if any. @throws ServiceError `invalid`. */
  sequenceOf(batch: FlightData): bigint | undefined {
    this.#checkSchema('a record batch')
    const note = readProducerNote(batch.appMetadata)
    this.#name(note)
    if (note.sequence !== undefined && this.#producerId === undefined) {
      throw new ServiceError('invalid', 'app_metadata has a sequence and no producer_id beside it')
    }
    if (this.#producerId !== undefined && (note.sequence ?? this.#firstSequence) === undefined) {
      throw new ServiceError(
        'invalid',
        'the producer is named and its batches are not numbered: send x-frazil-sequence once, or sequence in the app_metadata of each batch',
      )
    }
    return note.sequence
  }

  /** @throws ServiceError `invalid` when the descriptor or the schema is missing. */
  request(): StreamRequest {
    if (this.#target === undefined) throw noDescriptor()
    if (this.#schema === undefined) {
      throw new ServiceError('invalid', 'no schema: the stream ended before its schema message')
    }
    this.#isRequested = true
    const { table, isCreationAllowed, create } = this.#target
    return {
      table,
      schema: this.#schema,
      isCreationAllowed,
      ...(create === undefined ? {} : { create }),
      ...(this.#producerId === undefined
        ? {}
        : { producer: { id: this.#producerId, firstSequence: this.#firstSequence } }),
    }
  }

  /** The dictionaries in their order, once. */
  takeHeld(): readonly FlightData[] {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  #name({ id }: ProducerNote): void {
    if (id === undefined) return
    if (!this.#isRequested) this.#producerId ??= id
    if (this.#producerId !== id) {
      throw new ServiceError(
        'invalid',
        'a stream has one producer from its first batch to its last: producer_id has changed',
      )
    }
  }

  #checkSchema(what: string): void {
    if (this.#schema !== undefined) return
    if (this.#descriptor === undefined) throw noDescriptor()
    throw new ServiceError('invalid', `${what} came before the schema`)
  }
}

function noDescriptor(): ServiceError {
  return new ServiceError(
    'invalid',
    'no descriptor: the first message must name the table, such as the path ["events"]',
  )
}
