/**
 * The gate: one per stream, through which its messages pass before anything is logged.
 *
 * Promises: bytes that pass can be decoded by any reader without leaving their buffers; time and
 * memory are bounded by the message and the limits, whatever the bytes are. Keeps of dictionaries
 * only counts and sizes, and of batches nothing.
 * Does not know the table; whether a null is allowed is for the caller to say.
 */
import { ServiceError } from '../errors.ts'
import { BatchReader } from './batch-reader.ts'
import type { Column } from './column.ts'
import { type Context, readColumn } from './columns.ts'
import { type BodyLimit, type Decompressed, decompress } from './compression.ts'
import { type DictionaryPart, DictionaryValues } from './dictionary-values.ts'
import { indexEnd } from './indices.ts'
import { type ColumnLayout, layoutOf, type SchemaLayout } from './layout.ts'
import type { ArrowLimits } from './limits.ts'
import { type ArrowMessage, type MessageHeader, readMessage } from './message.ts'
import { countNulls, firstNullRow, firstRowOfOtherLength } from './nulls.ts'
import type { ArrowSchema } from './schema.ts'
import { valueSizes } from './value-sizes.ts'

export interface VerifiedBatch {
  readonly rows: number
  /** Nulls of each field in depth-first order; those hidden below a null parent do not count. */
  readonly nullCounts: readonly number[]
  /** The row with the first null of a field. Looks at the message's bytes, which must still live. */
  firstNullRow(field: number): number | undefined
  /** The row with the first list of a field that has another length, and that one; as above. */
  firstRowOfOtherLength(
    field: number,
    length: number,
  ): { readonly row: number; readonly length: number } | undefined
}

export interface VerifiedDictionary {
  readonly id: bigint
  /** False: it replaces every earlier message of this id. */
  readonly isDelta: boolean
  /** Values of the dictionary from now on. */
  readonly values: number
}

export interface Verifier {
  /**
   * Accepts a dictionary or a delta.
   *
   * @throws ServiceError `invalid` for damaged bytes, an unknown id, a delta to nothing;
   * `too-large` beyond `dictionaryBytesMax`. The stream must end then.
   */
  dictionary(message: ArrowMessage): VerifiedDictionary
  /**
   * Accepts a record batch.
   *
   * @throws ServiceError `invalid` for damaged bytes, `too-large` beyond the limits.
   */
  batch(message: ArrowMessage): VerifiedBatch
}

export interface VerifierOptions {
  readonly schema: ArrowSchema
  readonly limits: ArrowLimits
  /** Depth-first indices of instants of coarser units that are to become nanoseconds. */
  readonly nanoseconds?: readonly number[]
}

/** @throws ServiceError `invalid` for a schema with unions or run-end encoding. */
export function openVerifier({ schema, limits, nanoseconds }: VerifierOptions): Verifier {
  return new StreamVerifier(layoutOf(schema), limits, new Set(nanoseconds))
}

class StreamVerifier implements Verifier {
  readonly #layout: SchemaLayout
  readonly #limits: ArrowLimits
  readonly #nanoseconds: ReadonlySet<number>
  readonly #dictionaries = new Map<bigint, DictionaryValues>()

  constructor(layout: SchemaLayout, limits: ArrowLimits, nanoseconds: ReadonlySet<number>) {
    this.#layout = layout
    this.#limits = limits
    this.#nanoseconds = nanoseconds
  }

  batch(message: ArrowMessage): VerifiedBatch {
    const header = readMessage(message.metadata)
    if (header.kind !== 'batch') throw unexpected('a record batch', header)
    const { rows } = header.batch
    checkRows(rows, this.#limits)
    const content = openBody(header, message, {
      bytesMax: this.#limits.batchBytesMax,
      setting: 'ingest.batchBytesMax',
    })
    const context = this.#context(content)
    const columns = this.#layout.columns.map((column) => readColumn(column, rows, context))
    context.reader.finish()
    return {
      rows,
      nullCounts: countNulls(columns, this.#layout.fieldCount),
      firstNullRow: (field) => firstNullRow(columns, field),
      firstRowOfOtherLength: (field, length) => firstRowOfOtherLength(columns, field, length),
    }
  }

  dictionary(message: ArrowMessage): VerifiedDictionary {
    const header = readMessage(message.metadata)
    if (header.kind !== 'dictionary') throw unexpected('a dictionary', header)
    const { id, isDelta } = header
    const layout = this.#layout.dictionaries.get(id)
    if (!layout) throw new ServiceError('invalid', `no column uses dictionary ${id}`)
    const known = this.#dictionaries.get(id)
    if (isDelta && !known) {
      throw new ServiceError('invalid', `dictionary ${id} is extended before it was sent`)
    }
    const base = isDelta ? known : undefined
    const count = (base?.count ?? 0) + header.batch.rows
    checkRows(count, this.#limits)
    const limit = this.#dictionaryLimit(id, isDelta)
    const content = openBody(header, message, limit)
    // A value costs memory here even where its type has no width.
    const bytes = Math.max(content.body.length, header.batch.rows)
    if (bytes > limit.bytesMax) throw tooLarge(`dictionary ${id}`, bytes, limit)
    const context = this.#context(content)
    const column = readColumn(layout, header.batch.rows, context)
    context.reader.finish()
    this.#keep(id, base, describe(column, bytes))
    return { id, isDelta, values: count }
  }

  #context({ header, body }: Decompressed): Context {
    return {
      reader: new BatchReader(header, body),
      limits: this.#limits,
      dictionaries: this.#dictionaries,
      nanoseconds: this.#nanoseconds,
      expandedBytes: 0,
    }
  }

  /** What is left for a message of this id. */
  #dictionaryLimit(id: bigint, isDelta: boolean): BodyLimit {
    let used = 0
    for (const [other, values] of this.#dictionaries) {
      if (other !== id || isDelta) used += values.bytes
    }
    const bytesMax = Math.max(0, this.#limits.dictionaryBytesMax - used)
    return { bytesMax, setting: 'ingest.dictionaryBytesMax, all dictionaries of a stream together' }
  }

  #keep(id: bigint, base: DictionaryValues | undefined, part: DictionaryPart): void {
    if (base) {
      base.append(part)
      return
    }
    this.#dictionaries.set(id, new DictionaryValues(part))
    this.#forgetUsers(id, part.count)
  }

  /** Dictionaries whose values point into the old one may point outside the new one. */
  #forgetUsers(id: bigint, count: number): void {
    for (const [user, values] of this.#dictionaries) {
      if ((values.needs.get(id) ?? 0) <= count) continue
      this.#dictionaries.delete(user)
      this.#forgetUsers(user, 0)
    }
  }
}

function describe(column: Column, bytes: number): DictionaryPart {
  const needs = new Map<bigint, number>()
  const nulls = countNulls([column], column.layout.index + countFields(column.layout))
  const nullsBelow = new Map<number, number>()
  nulls.forEach((count, index) => {
    if (index > column.layout.index && count > 0) nullsBelow.set(index - column.layout.index, count)
  })
  collectNeeds(column, needs)
  return {
    count: column.length,
    bytes,
    nulls: column.nulls,
    validity: column.validity,
    sizes: valueSizes(column),
    needs,
    nullsBelow,
  }
}

function collectNeeds(column: Column, needs: Map<bigint, number>): void {
  const id = column.layout.dictionary
  if (id !== undefined && column.indices) {
    needs.set(id, Math.max(needs.get(id) ?? 0, indexEnd(column, column.indices.at)))
  }
  for (const child of column.children) collectNeeds(child, needs)
}

function countFields(layout: ColumnLayout): number {
  return layout.children.reduce((sum, child) => sum + countFields(child), 1)
}

function openBody(
  header: Exclude<MessageHeader, { kind: 'schema' }>,
  message: ArrowMessage,
  limit: BodyLimit,
): Decompressed {
  // Readers cut a stream by the announced length, so more is as wrong as less.
  if (header.bodyLength !== message.body.length) {
    throw new ServiceError(
      'invalid',
      `the message announces a body of ${header.bodyLength} bytes, ${message.body.length} came`,
    )
  }
  if (header.bodyLength > limit.bytesMax) {
    throw tooLarge('the body', header.bodyLength, limit)
  }
  return decompress(header.batch, message.body, limit)
}

function tooLarge(what: string, bytes: number, { bytesMax, setting }: BodyLimit): ServiceError {
  return new ServiceError(
    'too-large',
    `${what} has ${bytes} bytes, ${bytesMax} are allowed or left (${setting})`,
    { context: { bytes, bytesMax } },
  )
}

function checkRows(rows: number, { batchRowsMax }: ArrowLimits): void {
  if (rows <= batchRowsMax) return
  throw new ServiceError(
    'too-large',
    `the message has ${rows} rows, at most ${batchRowsMax} are allowed (ingest.batchRowsMax)`,
    { context: { rows, batchRowsMax } },
  )
}

function unexpected(expected: string, header: MessageHeader): ServiceError {
  return new ServiceError('invalid', `expected ${expected}, got a ${header.kind} message`)
}
