/**
 * One client's stream: each message is verified, then appended, then durable.
 *
 * Promises: a batch that is refused left nothing in the log; batches reach the log in the order of
 * the calls. Does not know the wire or when a table is committed.
 */
import type { Definition, Wal } from '#wal'
import { readMessage } from '../arrow/message.ts'
import type { VectorField } from '../arrow/vectors.ts'
import type { VerifiedBatch, Verifier } from '../arrow/verifier.ts'
import { definitionId, encodeMessage, encodeSchema, type Message } from '../entry.ts'
import { ServiceError, unreachable } from '../errors.ts'
import { DictionaryState } from './dictionaries.ts'
import type { BatchAck, IngestStream, StreamRequest } from './ingest.ts'
import { fromWalError } from './wal-errors.ts'

export interface RequiredField {
  /** Depth-first index of the Arrow field. */
  readonly index: number
  readonly path: string
}

export interface StreamParts {
  readonly wal: Wal
  readonly key: string
  readonly refusal: (key: string) => ServiceError | undefined
  readonly verifier: Verifier
  readonly fieldIds: readonly number[]
  /** Columns that the table requires and that the batch could leave null. */
  readonly required: readonly RequiredField[]
  /** Lists whose every row must have one length. */
  readonly vectors: readonly VectorField[]
  readonly request: StreamRequest
}

export class LogStream implements IngestStream {
  readonly #parts: StreamParts
  readonly #schema: Definition
  readonly #dictionaries = new DictionaryState()
  #definitions: readonly Definition[]
  #nextProducerSequence: bigint | undefined
  #failure: ServiceError | undefined

  constructor(parts: StreamParts) {
    const { fieldIds, request } = parts
    const schema = [encodeSchema({ fieldIds, metadata: request.schema })]
    this.#parts = parts
    this.#schema = { id: definitionId(schema), parts: schema }
    this.#definitions = [this.#schema]
    this.#nextProducerSequence = request.producer?.firstSequence
  }

  async message(message: Message, producerSequence?: bigint): Promise<BatchAck | undefined> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      // No await before the append: the order of the calls is the order in the log.
      return await this.#take(message, producerSequence)
    } catch (error) {
      this.#failure ??= fromWalError(error)
      throw this.#failure
    }
  }

  #take(message: Message, producerSequence: bigint | undefined): Promise<BatchAck> | undefined {
    const { verifier } = this.#parts
    const { kind } = readMessage(message.metadata)
    switch (kind) {
      case 'dictionary': {
        const { id, isDelta } = verifier.dictionary(message)
        this.#dictionaries.add(id, isDelta, message)
        this.#definitions = [this.#schema, ...this.#dictionaries.definitions()]
        return undefined
      }
      case 'batch': {
        const batch = verifier.batch(message)
        this.#checkRequired(batch)
        this.#checkVectors(batch)
        return this.#append(message, batch.rows, producerSequence)
      }
      case 'schema':
        throw new ServiceError(
          'invalid',
          'a stream has one schema: open another stream for the next',
        )
      default:
        return unreachable(kind)
    }
  }

  async #append(
    message: Message,
    rows: number,
    producerSequence: bigint | undefined,
  ): Promise<BatchAck> {
    const { wal, key } = this.#parts
    const refusal = this.#parts.refusal(key)
    if (refusal !== undefined) throw refusal
    const producer = this.#producer(producerSequence)
    const { sequence, isDuplicate } = await wal.append({
      key,
      payload: encodeMessage(message, rows),
      definitions: this.#definitions,
      ...(producer && { producer }),
    })
    return { logId: wal.id, key, sequence, rows, isDuplicate }
  }

  /** The number that came with the batch, or the one after the last. */
  #producer(own: bigint | undefined): { id: string; sequence: bigint } | undefined {
    const id = this.#parts.request.producer?.id
    if (id === undefined) return undefined
    const sequence = own ?? this.#nextProducerSequence
    if (sequence === undefined) {
      throw new ServiceError(
        'invalid',
        `producer ${JSON.stringify(id)} gave no sequence: send it with each batch, or the first one as a header`,
      )
    }
    this.#nextProducerSequence = sequence + 1n
    return { id, sequence }
  }

  #checkRequired(batch: VerifiedBatch): void {
    for (const { index, path } of this.#parts.required) {
      if ((batch.nullCounts[index] ?? 0) === 0) continue
      const row = batch.firstNullRow(index)
      throw new ServiceError(
        'schema-mismatch',
        `column ${path} is required and row ${row} is null`,
        {
          context: { column: path, row: row ?? -1 },
        },
      )
    }
  }

  #checkVectors(batch: VerifiedBatch): void {
    for (const { index, path, dimension } of this.#parts.vectors) {
      const other = batch.firstRowOfOtherLength(index, dimension)
      if (other === undefined) continue
      throw new ServiceError(
        'schema-mismatch',
        `column ${path} has vectors of dimension ${dimension} and row ${other.row} has ${other.length} elements`,
        { context: { column: path, row: other.row } },
      )
    }
  }
}
