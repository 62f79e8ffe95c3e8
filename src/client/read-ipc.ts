/**
 * Arrow IPC files and streams, on disk or in memory, message by message.
 *
 * Promises: bodies are sent as they stand in the file: nothing is decoded, so every type and every
 * compression that Arrow has passes through. Memory is bounded by a message and the dictionaries.
 * Does not know: whether the contents are sound. The service verifies them.
 *
 *     stream   messages, end mark
 *     file     "ARROW1\0\0", messages, end mark, footer, i32 length of the footer, "ARROW1"
 *     message  u32 0xFFFFFFFF (absent before Arrow 0.15), i32 metadata length, metadata, body
 */
import { type FileHandle, open } from 'node:fs/promises'
import { Message, RecordBatchReader, type Schema } from 'apache-arrow'
import { ServiceError } from '../errors.ts'
import {
  addDictionary,
  BatchEncoder,
  type DictionaryFrame,
  type EncodedBatch,
  type Frame,
} from './frames.ts'

export interface IpcBatches {
  readonly batches: AsyncIterable<EncodedBatch>
  /** How much of the file was read, from 0 to 1. */
  fraction(): number
}

/** Where the bytes are. */
interface Source {
  /** For messages. */
  readonly name: string
  readonly size: number
  /** Short when the source became shorter. Given out for good: nobody writes into it again. */
  read(at: number, length: number): Promise<Buffer>
  /** The schema in a file's footer. */
  footerSchema(): Promise<Schema>
}

const MAGIC = 'ARROW1'
const START_BYTES = 8
const TRAILER_BYTES = 4 + MAGIC.length
const CONTINUATION = -1
const EMPTY = new Uint8Array()
/** Above any message that a service takes. */
const MESSAGE_BYTES_MAX = 2 ** 31 - 1

/** Either format. Opens the file at the first batch. */
export function readIpcFile(path: string): IpcBatches {
  const seen = { at: 0, end: 1 }
  async function* batches(): AsyncGenerator<EncodedBatch> {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      yield* readMessages(new Section(fileSource(file, path, size), seen))
    } finally {
      await file.close()
    }
  }
  return { batches: batches(), fraction: () => Math.min(1, seen.at / seen.end) }
}

/** Either format. The bytes must not change until they are acknowledged: they are not copied. */
export function readIpcBytes(bytes: Uint8Array): AsyncGenerator<EncodedBatch> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const source: Source = {
    name: 'the array of bytes',
    size: whole.length,
    read: (at, length) => Promise.resolve(whole.subarray(at, at + length)),
    footerSchema: () => {
      const reader = RecordBatchReader.from(bytes)
      reader.open()
      return Promise.resolve(reader.schema)
    },
  }
  return readMessages(new Section(source, { at: 0, end: 1 }))
}

function fileSource(file: FileHandle, path: string, size: number): Source {
  return {
    name: path,
    size,
    read: async (at, length) => {
      // Not from the pool: what is read is kept until it is acknowledged.
      const buffer = Buffer.allocUnsafeSlow(length)
      for (let filled = 0; filled < length; ) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, at + filled)
        if (bytesRead === 0) return buffer.subarray(0, filled)
        filled += bytesRead
      }
      return buffer
    },
    footerSchema: async () => {
      const again = await open(path)
      try {
        const reader = await RecordBatchReader.from(again)
        await reader.open()
        return reader.schema
      } finally {
        await again.close()
      }
    },
  }
}

async function* readMessages(section: Section): AsyncGenerator<EncodedBatch> {
  await section.locate()
  let schema: Frame | undefined
  let dictionaries: readonly DictionaryFrame[] = []
  let isEmpty = true
  for (;;) {
    const next = await section.nextMessage()
    if (next === undefined) break
    const { message, frame } = next
    if (!message.isSchema()) schema ??= await section.footerSchema()
    if (message.isSchema()) {
      schema = frame
    } else if (message.isDictionaryBatch()) {
      const { id, isDelta } = message.header()
      dictionaries = addDictionary(dictionaries, { ...frame, id: BigInt(id), isDelta })
    } else if (message.isRecordBatch() && schema) {
      isEmpty = false
      const rows = message.header().length
      const bytes = frame.header.length + message.bodyLength
      yield { schema, dictionaries, batch: frame, rows, bytes }
    } else {
      throw section.unreadable('a message that does not belong there')
    }
  }
  schema ??= await section.footerSchema()
  if (schema === undefined) throw section.unreadable('no schema')
  // A file without a batch still says what its table looks like.
  if (isEmpty) yield { schema, dictionaries, batch: { header: EMPTY, body: [] }, rows: 0, bytes: 0 }
}

/** The part of a source where its messages are, read forwards. */
class Section {
  readonly #source: Source
  readonly #seen: { at: number; end: number }
  #isFile = false

  constructor(source: Source, seen: { at: number; end: number }) {
    this.#source = source
    this.#seen = seen
  }

  async locate(): Promise<void> {
    const { size } = this.#source
    this.#seen.end = size
    const start = await this.#read(Math.min(size, START_BYTES))
    if (start.toString('latin1', 0, MAGIC.length) !== MAGIC) {
      this.#seen.at = 0
      return
    }
    this.#isFile = true
    this.#seen.at = Math.max(START_BYTES, size - TRAILER_BYTES)
    const trailer = await this.#read(TRAILER_BYTES)
    if (trailer.toString('latin1', 4) !== MAGIC) throw this.unreadable('no footer: is it whole?')
    const end = size - TRAILER_BYTES - trailer.readInt32LE(0)
    if (end < START_BYTES || end > size) throw this.unreadable('a footer of impossible length')
    this.#seen.at = START_BYTES
    this.#seen.end = end
  }

  /** Undefined at the end mark, or where the messages end. */
  async nextMessage(): Promise<{ message: Message; frame: Frame } | undefined> {
    if (this.#seen.at >= this.#seen.end) return undefined
    let length = (await this.#read(4)).readInt32LE(0)
    const isLegacy = length !== CONTINUATION
    if (!isLegacy) length = (await this.#read(4)).readInt32LE(0)
    if (length === 0) return undefined
    const original = await this.#read(length)
    const message = this.#decode(original)
    // Some writers align metadata to where it stands in the file, or not at all, and a service may
    // refuse it. A schema is kept as it is if possible: it may have types that this library has not.
    const header = isLegacy || !message.isSchema() ? Message.encode(message) : original
    const body = message.bodyLength === 0 ? [] : [await this.#read(message.bodyLength)]
    return { message, frame: { header, body } }
  }

  /** JavaScript's Arrow library writes the schema of a file into the footer only. */
  async footerSchema(): Promise<Frame | undefined> {
    if (!this.#isFile) return undefined
    try {
      return new BatchEncoder().schema(await this.#source.footerSchema())
    } catch (cause) {
      throw this.unreadable('a footer that is damaged', cause)
    }
  }

  unreadable(reason: string, cause?: unknown): ServiceError {
    const message = `${this.#source.name} cannot be read as Arrow: ${reason} (at byte ${this.#seen.at})`
    return new ServiceError('invalid', message, { cause })
  }

  #decode(header: Buffer): Message {
    try {
      return Message.decode(header)
    } catch (cause) {
      throw this.unreadable('a message that is damaged', cause)
    }
  }

  async #read(length: number): Promise<Buffer> {
    const { at, end } = this.#seen
    if (length < 0 || length > MESSAGE_BYTES_MAX || at + length > end) {
      throw this.unreadable('it ends in the middle of a message')
    }
    const buffer = await this.#source.read(at, length)
    if (buffer.length < length) throw this.unreadable('it became shorter')
    this.#seen.at += length
    return buffer
  }
}
