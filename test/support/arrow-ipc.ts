/** Messages from apache-arrow's writer, and ways to lie in them. */
import {
  type Field,
  Schema as LibrarySchema,
  type RecordBatch,
  RecordBatchStreamWriter,
  Table,
  tableToIPC,
} from 'apache-arrow'
import { expect } from 'chai'
import type { ArrowMessage, BatchHeader, MessageHeader } from '../../src/arrow/message.ts'
import { readMessage } from '../../src/arrow/message.ts'
import { writeBatchMetadata } from '../../src/arrow/message-write.ts'
import { type ErrorKind, ServiceError } from '../../src/errors.ts'

/** Splits an IPC stream into its messages. */
export function splitStream(stream: Uint8Array): ArrowMessage[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const messages: ArrowMessage[] = []
  let at = 0
  while (at + 8 <= stream.length) {
    const length = view.getInt32(at + 4, true)
    if (length === 0) break
    const metadata = stream.slice(at + 8, at + 8 + length)
    const { bodyLength } = readMessage(metadata)
    const bodyStart = at + 8 + length
    messages.push({ metadata, body: stream.slice(bodyStart, bodyStart + bodyLength) })
    at = bodyStart + bodyLength
  }
  return messages
}

export function messagesOf(table: Table): ArrowMessage[] {
  return splitStream(tableToIPC(table, 'stream'))
}

/** Unlike a table's, these keep the dictionary of each batch. */
export function messagesOfBatches(batches: readonly RecordBatch[]): ArrowMessage[] {
  return splitStream(RecordBatchStreamWriter.writeAll([...batches]).toUint8Array(true))
}

export function schemaMetadata(fields: readonly Field[]): Uint8Array {
  const [message] = messagesOf(new Table(new LibrarySchema([...fields])))
  if (!message) throw new Error('no schema message')
  return message.metadata
}

/** The stream that a receiver would read, framing and end mark included. */
export function joinStream(messages: readonly ArrowMessage[]): Uint8Array {
  const parts = messages.flatMap(({ metadata, body }) => {
    const padded = Math.ceil(metadata.length / 8) * 8
    const prefix = Buffer.alloc(8)
    prefix.writeInt32LE(-1, 0)
    prefix.writeInt32LE(padded, 4)
    return [prefix, metadata, Buffer.alloc(padded - metadata.length), body]
  })
  return Buffer.concat([...parts, Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])])
}

type DataHeader = Exclude<MessageHeader, { kind: 'schema' }>

/** The same message with another header. */
export function withHeader(
  message: ArrowMessage,
  change: (header: DataHeader) => DataHeader,
): ArrowMessage {
  const header = readMessage(message.metadata)
  if (header.kind === 'schema') throw new Error('a schema has no batch')
  return { metadata: writeBatchMetadata(change(header)), body: message.body }
}

export function withBatch(
  message: ArrowMessage,
  change: (batch: BatchHeader) => Partial<BatchHeader>,
): ArrowMessage {
  return withHeader(message, (header) => ({
    ...header,
    batch: { ...header.batch, ...change(header.batch) },
  }))
}

/** With one of the alternating numbers of nodes or buffers replaced. */
export function withNumber(
  message: ArrowMessage,
  where: { list: 'nodes' | 'buffers'; at: number; value: number },
): ArrowMessage {
  return withBatch(message, (batch) => {
    const list = batch[where.list].slice()
    list[where.at] = where.value
    return { [where.list]: list }
  })
}

/** With bytes of one buffer overwritten. */
export function withBytes(
  message: ArrowMessage,
  where: { buffer: number; at?: number; bytes: readonly number[] },
): ArrowMessage {
  const header = readMessage(message.metadata)
  if (header.kind === 'schema') throw new Error('a schema has no buffers')
  const body = message.body.slice()
  body.set(where.bytes, (header.batch.buffers[where.buffer * 2] as number) + (where.at ?? 0))
  return { metadata: message.metadata, body }
}

/** Runs it and expects a refusal of one of the kinds whose sentence matches. */
export function expectRefusal(
  run: () => unknown,
  pattern: RegExp,
  ...kinds: readonly ErrorKind[]
): ServiceError {
  try {
    run()
  } catch (thrown) {
    if (!(thrown instanceof ServiceError)) throw thrown
    expect(kinds.length > 0 ? kinds : ['invalid']).to.include(thrown.kind)
    expect(thrown.message).to.match(pattern)
    return thrown
  }
  throw new Error(`accepted, expected a refusal that says ${pattern}`)
}
