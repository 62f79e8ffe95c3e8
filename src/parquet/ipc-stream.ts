/**
 * Columns as an Arrow IPC stream, written straight into the one buffer that is handed over.
 *
 * Layout of a message: 0xFFFFFFFF, int32 metadata length, metadata, zeros to 8, body.
 */
import {
  BufferRegion,
  FieldNode,
  Message,
  RecordBatch as RecordBatchMetadata,
} from 'apache-arrow/ipc/metadata/message'
import { bytesOf, type Column, type StructColumn } from '../arrow/kernels/column.ts'

const CONTINUATION = 0xffffffff
const FRAME_BYTES = 8
const ALIGNMENT = 8

/** The stream of a schema message and batches of its columns. */
export function ipcStream(schema: Uint8Array, batches: readonly StructColumn[]): Uint8Array {
  const messages = [{ metadata: schema, body: [] as Uint8Array[] }, ...batches.map(batchMessage)]
  const length = messages.reduce((sum, message) => sum + messageBytes(message), FRAME_BYTES)
  const stream = new Uint8Array(length)
  const view = new DataView(stream.buffer)
  let at = 0
  const frame = (metadataBytes: number) => {
    view.setUint32(at, CONTINUATION, true)
    view.setInt32(at + 4, metadataBytes, true)
    at += FRAME_BYTES
  }
  for (const { metadata, body } of messages) {
    frame(padded(metadata.length))
    stream.set(metadata, at)
    at += padded(metadata.length)
    for (const part of body) {
      stream.set(part, at)
      at += padded(part.length)
    }
  }
  frame(0)
  return stream
}

interface OutMessage {
  readonly metadata: Uint8Array
  readonly body: readonly Uint8Array[]
}

function batchMessage(batch: StructColumn): OutMessage {
  const nodes: FieldNode[] = []
  const body: Uint8Array[] = []
  const regions: BufferRegion[] = []
  let bodyBytes = 0
  const add = (bytes: Uint8Array) => {
    regions.push(new BufferRegion(bodyBytes, bytes.length))
    body.push(bytes)
    bodyBytes += padded(bytes.length)
  }
  const visit = (column: Column): void => {
    nodes.push(new FieldNode(column.length, column.nullCount))
    add(column.validity ?? new Uint8Array(0))
    switch (column.kind) {
      case 'bits':
        return add(column.values)
      case 'fixed':
        return add(column.values.subarray(0, column.length * column.width))
      case 'bytes':
        add(bytesOf(column.offsets))
        return add(column.values)
      case 'list':
        add(bytesOf(column.offsets))
        return visit(column.child)
      case 'struct':
        return column.children.forEach(visit)
    }
  }
  batch.children.forEach(visit)
  const header = new RecordBatchMetadata(batch.length, nodes, regions, null)
  return { metadata: Message.encode(Message.from(header, bodyBytes)), body }
}

function messageBytes({ metadata, body }: OutMessage): number {
  const bytes = FRAME_BYTES + padded(metadata.length)
  return body.reduce((sum, part) => sum + padded(part.length), bytes)
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}
