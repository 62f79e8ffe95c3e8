/**
 * What one log payload means: the only word that both wings share.
 *
 * A payload is one Arrow record batch as it came over the wire. What it needs to be read stands
 * beside it as the log's definitions: first its schema, then its dictionary messages in order.
 *
 *     payload     u16 version  u16 flags  u32 rows  u32 metadata length  u32 zero  u64 body length
 *                 metadata (flatbuffer Message), zeros to a multiple of 8, body
 *     dictionary  the same, with rows 0
 *     schema      u16 version  u16 flags  u32 field count  u32 metadata length  u32 zero
 *                 i32 Iceberg field id of each Arrow field, depth first; metadata
 *
 * All little-endian. The key says whose the entry is: tenant, table and the table's UUID, so that
 * entries of a dropped table never reach a new one of the same name.
 */
import { createHash } from 'node:crypto'
import { ServiceError } from './errors.ts'
import { formatTable, parseTable, type TableIdentifier } from './names.ts'

const VERSION = 1
const MESSAGE_HEADER_BYTES = 24
const SCHEMA_HEADER_BYTES = 16
const ALIGNMENT = 8

/** An Arrow IPC message without its stream framing. */
export interface Message {
  /** The flatbuffer `Message`. */
  readonly metadata: Uint8Array
  readonly body: Uint8Array
}

export interface EntrySchema {
  /** Iceberg field id of each Arrow field in depth-first order, children of dictionaries included. */
  readonly fieldIds: readonly number[]
  /** The flatbuffer `Message` with the Arrow schema. */
  readonly metadata: Uint8Array
}

export interface EntryKey {
  readonly table: TableIdentifier
  readonly tableUuid: string
}

export function formatKey({ table, tableUuid }: EntryKey): string {
  return `${table.tenant}/${formatTable(table)}@${tableUuid}`
}

/** @throws ServiceError `corrupt` for what {@link formatKey} never wrote. */
export function parseKey(key: string): EntryKey {
  const slash = key.indexOf('/')
  const at = key.lastIndexOf('@')
  if (slash < 1 || at < slash) throw new ServiceError('corrupt', `log key ${JSON.stringify(key)}`)
  return {
    table: parseTable(key.slice(0, slash), key.slice(slash + 1, at)),
    tableUuid: key.slice(at + 1),
  }
}

/** The message as parts to write in order; metadata and body are views, not copies. */
export function encodeMessage(message: Message, rows: number): Uint8Array[] {
  const header = Buffer.alloc(MESSAGE_HEADER_BYTES)
  header.writeUInt16LE(VERSION, 0)
  header.writeUInt32LE(rows, 4)
  header.writeUInt32LE(message.metadata.length, 8)
  header.writeBigUInt64LE(BigInt(message.body.length), 16)
  const padding = new Uint8Array(paddedLength(message.metadata.length) - message.metadata.length)
  return [header, message.metadata, padding, message.body]
}

/** Views into `bytes`. @throws ServiceError `corrupt` when the lengths do not add up. */
export function decodeMessage(bytes: Uint8Array): Message & { readonly rows: number } {
  const header = readHeader(bytes, MESSAGE_HEADER_BYTES)
  const metadataLength = header.getUint32(8, true)
  const bodyStart = MESSAGE_HEADER_BYTES + paddedLength(metadataLength)
  if (BigInt(bodyStart) + header.getBigUint64(16, true) !== BigInt(bytes.length)) {
    throw new ServiceError(
      'corrupt',
      `entry of ${bytes.length} bytes has lengths that do not add up`,
    )
  }
  return {
    rows: header.getUint32(4, true),
    metadata: bytes.subarray(MESSAGE_HEADER_BYTES, MESSAGE_HEADER_BYTES + metadataLength),
    body: bytes.subarray(bodyStart),
  }
}

export function encodeSchema(schema: EntrySchema): Uint8Array {
  const idBytes = schema.fieldIds.length * 4
  const bytes = Buffer.alloc(SCHEMA_HEADER_BYTES + idBytes + schema.metadata.length)
  bytes.writeUInt16LE(VERSION, 0)
  bytes.writeUInt32LE(schema.fieldIds.length, 4)
  bytes.writeUInt32LE(schema.metadata.length, 8)
  schema.fieldIds.forEach((id, i) => bytes.writeInt32LE(id, SCHEMA_HEADER_BYTES + i * 4))
  bytes.set(schema.metadata, SCHEMA_HEADER_BYTES + idBytes)
  return bytes
}

/** @throws ServiceError `corrupt` when the lengths do not add up. */
export function decodeSchema(bytes: Uint8Array): EntrySchema {
  const header = readHeader(bytes, SCHEMA_HEADER_BYTES)
  const count = header.getUint32(4, true)
  const metadataStart = SCHEMA_HEADER_BYTES + count * 4
  if (metadataStart + header.getUint32(8, true) !== bytes.length) {
    throw new ServiceError(
      'corrupt',
      `schema of ${bytes.length} bytes has lengths that do not add up`,
    )
  }
  const fieldIds = Array.from({ length: count }, (_, i) =>
    header.getInt32(SCHEMA_HEADER_BYTES + i * 4, true),
  )
  return { fieldIds, metadata: bytes.subarray(metadataStart) }
}

/** The log's name for shared bytes: equal names mean equal bytes. */
export function definitionId(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 32)
}

function readHeader(bytes: Uint8Array, headerBytes: number): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < headerBytes) {
    throw new ServiceError('corrupt', `entry of ${bytes.length} bytes is shorter than its header`)
  }
  const version = view.getUint16(0, true)
  if (version !== VERSION) {
    throw new ServiceError(
      'corrupt',
      `entry has format version ${version}; this build reads ${VERSION}`,
    )
  }
  return view
}

function paddedLength(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}
