/**
 * Arrow record batches as Flight messages.
 *
 * Promises: a stream's messages in order (schema, dictionaries when they are new, replaced or
 * longer, batches), with bodies that are views of the caller's buffers. One instance is one stream:
 * after a lost connection a new one starts again with the schema and every dictionary.
 * Does not know: descriptors, producers, connections.
 */
import {
  type Data,
  DataType,
  Dictionary,
  Field,
  Message,
  type MessageHeader,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  util,
} from 'apache-arrow'

export interface Frame {
  readonly header: Uint8Array
  readonly body: readonly Uint8Array[]
}

const ALIGNMENT = 8

/** Arrow's writer up to the point where it would frame messages for a file: Flight has its own. */
export class FrameWriter extends RecordBatchStreamWriter {
  #frames: { header: Uint8Array; body: Uint8Array[] }[] = []

  schemaFrame(schema: Schema): Frame {
    this.reset(undefined, schema)
    const [frame] = this.#take()
    return frame ?? { header: new Uint8Array(), body: [] }
  }

  /** Dictionaries first; the last is the batch. */
  batchFrames(batch: RecordBatch): Frame[] {
    this._writeRecordBatch(batch)
    return this.#take()
  }

  #take(): Frame[] {
    const frames = this.#frames
    this.#frames = []
    return frames
  }

  protected override _writeMessage<T extends MessageHeader>(message: Message<T>): this {
    this.#frames.push({ header: Message.encode(message), body: [] })
    return this
  }

  protected override _writeBodyBuffers(buffers: ArrayBufferView[]): this {
    const body = this.#frames.at(-1)?.body ?? []
    for (const { buffer, byteOffset, byteLength } of buffers) {
      body.push(new Uint8Array(buffer, byteOffset, byteLength))
      const padding = -byteLength & (ALIGNMENT - 1)
      if (padding > 0) body.push(new Uint8Array(padding))
    }
    return this
  }

  protected override _writeFooter(): this {
    return this
  }
}

/** Whether batches of both may travel in one stream. */
export function isSameSchema(one: Schema, other: Schema): boolean {
  return util.compareSchemas(one, other)
}

/**
 * The batch with its dictionaries numbered by column. Arrow numbers them anew for each table that
 * is built, which would otherwise make two tables of one shape look like two schemas.
 */
export function numberDictionaries(batch: RecordBatch): RecordBatch {
  const { fields, metadata } = batch.schema
  if (!fields.some(({ type }) => DataType.isDictionary(type))) return batch
  // Below another type they keep their numbers; numbering columns as well could then collide.
  if (fields.some(({ type }) => hasNestedDictionary(type))) return batch
  const numbered = fields.map((field, column) => {
    const { name, type, nullable, metadata } = field
    if (!DataType.isDictionary(type)) return field
    const dictionary = new Dictionary(type.dictionary, type.indices, column, type.isOrdered)
    return new Field(name, dictionary, nullable, metadata)
  })
  const children = batch.data.children.map((child, column) =>
    child.clone(numbered[column]?.type ?? child.type),
  )
  const { offset, length, nullCount, buffers } = batch.data
  const struct = new Struct(numbered)
  const data = batch.data.clone(struct, offset, length, nullCount, buffers, children)
  return new RecordBatch(new Schema(numbered, metadata), data)
}

function hasNestedDictionary(type: DataType): boolean {
  const below: Field[] = DataType.isDictionary(type)
    ? [new Field('', type.dictionary)]
    : (type.children ?? [])
  return below.some((field) => DataType.isDictionary(field.type) || hasNestedDictionary(field.type))
}

/** Cuts a batch by rows so that each part has about this many bytes; the order is kept. */
export function splitBatch(batch: RecordBatch, bytesMax: number): RecordBatch[] {
  const parts = Math.min(batch.numRows, Math.ceil(batchBytes(batch) / bytesMax))
  if (parts <= 1) return [batch]
  const rows = Math.ceil(batch.numRows / parts)
  return Array.from({ length: Math.ceil(batch.numRows / rows) }, (_, i) =>
    batch.slice(i * rows, (i + 1) * rows),
  )
}

/** About how many bytes a batch's message has, dictionaries not counted. */
export function batchBytes(batch: RecordBatch): number {
  return batch.data.children.reduce((sum, child) => sum + dataBytes(child), 0)
}

function dataBytes(data: Data): number {
  const { valueOffsets, values, nullBitmap, children, length } = data
  const ofChildren = children.reduce((sum, child) => sum + dataBytes(child), 0)
  const ofNulls = byteLength(nullBitmap)
  if (valueOffsets && children.length === 0) {
    // A slice of text shares all of its parent's characters: count only its own.
    const own = Number(valueOffsets[length] ?? 0) - Number(valueOffsets[0] ?? 0)
    return own + byteLength(valueOffsets) + ofNulls
  }
  return byteLength(values) + byteLength(valueOffsets) + ofNulls + ofChildren
}

function byteLength(view: ArrayBufferView | undefined | null): number {
  return view?.byteLength ?? 0
}
