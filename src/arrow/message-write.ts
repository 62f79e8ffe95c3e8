/**
 * Metadata of a batch or dictionary message, written from plain values.
 *
 * Every table has one fixed place, so the flatbuffer is laid out by hand: vtables, tables, then the
 * vectors. Nothing of the bytes that the values were read from survives, custom metadata included.
 */
import { unreachable } from '../errors.ts'
import type { BatchHeader, MessageHeader } from './message.ts'

type Writable = Exclude<MessageHeader, { kind: 'schema' }>

const VERSION_CODES = { 4: 3, 5: 4 } as const
const DICTIONARY = 2
const BATCH = 3

/** Byte positions; each table begins at a multiple of 8, its vtable stands before all of them. */
const MESSAGE_VTABLE = 4
const DICTIONARY_VTABLE = 16
const BATCH_VTABLE = 28
const MESSAGE = 48
const DICTIONARY_TABLE = 72
const BATCH_TABLE = 96
const VECTORS = 120

/** The flatbuffer `Message`. Compression must be gone from `batch`. */
export function writeBatchMetadata(header: Writable): Uint8Array {
  const { batch } = header
  const vectors = [batch.nodes, batch.buffers, batch.variadicCounts]
  const bytes = new Uint8Array(VECTORS + vectors.reduce((sum, v) => sum + 8 + v.length * 8, 0))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MESSAGE, true)
  writeVtable(view, MESSAGE_VTABLE, { size: 24, fields: [4, 6, 8, 16] })
  writeVtable(view, DICTIONARY_VTABLE, { size: 20, fields: [8, 4, 16] })
  writeVtable(view, BATCH_VTABLE, { size: 24, fields: [8, 4, 16, 0, 20] })

  view.setInt32(MESSAGE, MESSAGE - MESSAGE_VTABLE, true)
  view.setInt16(MESSAGE + 4, VERSION_CODES[header.version], true)
  view.setBigInt64(MESSAGE + 16, BigInt(header.bodyLength), true)
  writeHeader(view, header)
  writeBatch(view, batch)
  return bytes
}

function writeHeader(view: DataView, header: Writable): void {
  switch (header.kind) {
    case 'batch':
      view.setUint8(MESSAGE + 6, BATCH)
      return writeOffset(view, MESSAGE + 8, BATCH_TABLE)
    case 'dictionary':
      view.setUint8(MESSAGE + 6, DICTIONARY)
      writeOffset(view, MESSAGE + 8, DICTIONARY_TABLE)
      view.setInt32(DICTIONARY_TABLE, DICTIONARY_TABLE - DICTIONARY_VTABLE, true)
      writeOffset(view, DICTIONARY_TABLE + 4, BATCH_TABLE)
      view.setBigInt64(DICTIONARY_TABLE + 8, header.id, true)
      view.setUint8(DICTIONARY_TABLE + 16, header.isDelta ? 1 : 0)
      return undefined
    default:
      return unreachable(header)
  }
}

function writeBatch(view: DataView, batch: BatchHeader): void {
  view.setInt32(BATCH_TABLE, BATCH_TABLE - BATCH_VTABLE, true)
  view.setBigInt64(BATCH_TABLE + 8, BigInt(batch.rows), true)
  let at = VECTORS
  at = writeVector(view, at, { values: batch.nodes, perElement: 2, field: BATCH_TABLE + 4 })
  at = writeVector(view, at, { values: batch.buffers, perElement: 2, field: BATCH_TABLE + 16 })
  writeVector(view, at, { values: batch.variadicCounts, perElement: 1, field: BATCH_TABLE + 20 })
}

/** The count stands in the second half of 8 bytes, so that the int64 behind it are aligned. */
function writeVector(
  view: DataView,
  at: number,
  { values, perElement, field }: { values: Float64Array; perElement: number; field: number },
): number {
  writeOffset(view, field, at + 4)
  view.setUint32(at + 4, values.length / perElement, true)
  values.forEach((value, i) => view.setBigInt64(at + 8 + i * 8, BigInt(value), true))
  return at + 8 + values.length * 8
}

function writeVtable(
  view: DataView,
  at: number,
  { size, fields }: { size: number; fields: readonly number[] },
): void {
  view.setUint16(at, 4 + fields.length * 2, true)
  view.setUint16(at + 2, size, true)
  fields.forEach((offset, i) => view.setUint16(at + 4 + i * 2, offset, true))
}

function writeOffset(view: DataView, at: number, target: number): void {
  view.setUint32(at, target - at, true)
}
