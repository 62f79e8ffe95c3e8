/**
 * Arrow record batches as IPC messages, each batch with everything that a reader of it needs.
 *
 * Promises: bodies are views of the caller's buffers, not copies; a dictionary is encoded when it is
 * new, replaced or longer. What a batch needs stands beside it, so any batch can start a stream.
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

/** One IPC message: the flatbuffer `Message`, and its body as parts in order. */
export interface Frame {
  readonly header: Uint8Array
  readonly body: readonly Uint8Array[]
}

export interface DictionaryFrame extends Frame {
  readonly id: bigint
  readonly isDelta: boolean
}

export interface EncodedBatch {
  readonly schema: Frame
  /** What the batch refers to; the same array as the batch before when nothing changed. */
  readonly dictionaries: readonly DictionaryFrame[]
  readonly batch: Frame
  readonly rows: number
  /** Of the batch and the dictionaries that are new with it. */
  readonly bytes: number
}

const ALIGNMENT = 8

/** Batches of any schema, one after the other. */
export class BatchEncoder {
  #writer = new FrameWriter()
  #schema: { readonly value: Schema; readonly frame: Frame } | undefined
  #dictionaries: readonly DictionaryFrame[] = []

  schema(schema: Schema): Frame {
    if (!this.#schema || !util.compareSchemas(this.#schema.value, schema)) {
      this.#writer = new FrameWriter()
      this.#schema = { value: schema, frame: this.#writer.schemaFrame(schema) }
      this.#dictionaries = []
    }
    return this.#schema.frame
  }

  encode(batch: RecordBatch): EncodedBatch {
    const numbered = numberDictionaries(batch)
    const schema = this.schema(numbered.schema)
    const { dictionaries, frame } = this.#writer.batchFrames(numbered)
    for (const each of dictionaries) this.#dictionaries = addDictionary(this.#dictionaries, each)
    const bytes = [...dictionaries, frame].reduce((sum, each) => sum + frameBytes(each), 0)
    return {
      schema,
      dictionaries: this.#dictionaries,
      batch: frame,
      rows: batch.numRows,
      bytes,
    }
  }
}

/** A delta goes after what it extends; anything else takes the place of what has its id. */
export function addDictionary(
  known: readonly DictionaryFrame[],
  added: DictionaryFrame,
): readonly DictionaryFrame[] {
  const first = known.findIndex(({ id }) => id === added.id)
  if (added.isDelta || first === -1) return [...known, added]
  return known.flatMap((each, i) => (each.id !== added.id ? [each] : i === first ? [added] : []))
}

/** Whether batches of both may travel in one stream. */
export function isSameSchema(one: Frame, other: Frame): boolean {
  return one === other || Buffer.compare(one.header, other.header) === 0
}

export function frameBytes({ header, body }: Frame): number {
  return body.reduce((sum, part) => sum + part.length, header.length)
}

/** Arrow's writer up to the point where it would frame messages for a file: Flight has its own. */
class FrameWriter extends RecordBatchStreamWriter {
  #frame: { header: Uint8Array; body: Uint8Array[] } = { header: new Uint8Array(), body: [] }
  #dictionaries: DictionaryFrame[] = []

  schemaFrame(schema: Schema): Frame {
    this.reset(undefined, schema)
    return this.#frame
  }

  batchFrames(batch: RecordBatch) {
    this.#dictionaries = []
    this._writeRecordBatch(batch)
    return { dictionaries: this.#dictionaries, frame: this.#frame }
  }

  protected override _writeDictionaryBatch(data: Data, id: number, isDelta = false): this {
    super._writeDictionaryBatch(data, id, isDelta)
    this.#dictionaries.push({ ...this.#frame, id: BigInt(id), isDelta })
    return this
  }

  protected override _writeMessage<T extends MessageHeader>(message: Message<T>): this {
    this.#frame = { header: Message.encode(message), body: [] }
    return this
  }

  protected override _writeBodyBuffers(buffers: ArrayBufferView[]): this {
    const { body } = this.#frame
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

/**
 * The batch with its dictionaries numbered by column. Arrow numbers them anew for each table that
 * is built, which would otherwise make two tables of one shape look like two schemas.
 */
function numberDictionaries(batch: RecordBatch): RecordBatch {
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
function batchBytes(batch: RecordBatch): number {
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
