/**
 * Pure: bytes ⇄ FlightData, the message that carries one Arrow IPC message.
 *
 *     1     FlightDescriptor { 1 type (0 unknown, 1 path, 2 cmd)  2 cmd  3 path… }
 *     2     data_header     3  app_metadata     1000  data_body
 *
 * Decoding copies nothing but the descriptor's strings: header, metadata and body are views. Fields
 * may come in any order and the last of a kind counts; unknown ones are skipped. It never reads
 * beyond the message, and knows nothing of Arrow.
 */
import { ServiceError } from '../../errors.ts'

export interface FlightDescriptor {
  readonly type: 'unknown' | 'path' | 'cmd'
  readonly path: readonly string[]
  readonly cmd: Uint8Array
}

export interface FlightData {
  readonly descriptor: FlightDescriptor | undefined
  /** A flatbuffer `Message`; empty when the message carries none. */
  readonly header: Uint8Array
  readonly appMetadata: Uint8Array
  readonly body: Uint8Array
  /** Size on the wire, before any compression by gRPC. */
  readonly bytes: number
}

/** Names in a path are few; more is an attack on whoever counts them. */
export const PATH_PARTS_MAX = 16

const EMPTY: Uint8Array = new Uint8Array(0)
const TYPES = ['unknown', 'path', 'cmd'] as const
const utf8 = new TextDecoder('utf-8', { fatal: true })

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** @throws ServiceError `invalid` when the bytes are no such message. */
export function decodeFlightData(bytes: Uint8Array): FlightData {
  let descriptor: FlightDescriptor | undefined
  let header = EMPTY
  let appMetadata = EMPTY
  let body = EMPTY
  for (const { field, value } of fields(bytes)) {
    if (typeof value === 'number') continue
    if (field === 1) descriptor = decodeDescriptor(value)
    else if (field === 2) header = value
    else if (field === 3) appMetadata = value
    else if (field === 1000) body = value
  }
  return { descriptor, header, appMetadata, body, bytes: bytes.length }
}

/** The symmetric half, for clients and tests; the body comes last, as writers do it. */
export function encodeFlightData(data: Omit<FlightData, 'bytes'>): Buffer {
  const parts: Uint8Array[] = []
  if (data.descriptor !== undefined) pushBytes(parts, 1, encodeDescriptor(data.descriptor))
  if (data.header.length > 0) pushBytes(parts, 2, data.header)
  if (data.appMetadata.length > 0) pushBytes(parts, 3, data.appMetadata)
  if (data.body.length > 0) pushBytes(parts, 1000, data.body)
  return Buffer.concat(parts)
}

function decodeDescriptor(bytes: Uint8Array): FlightDescriptor {
  let type: FlightDescriptor['type'] = 'unknown'
  let cmd = EMPTY
  const path: string[] = []
  for (const { field, value } of fields(bytes)) {
    if (typeof value === 'number') {
      if (field === 1) type = TYPES[value] ?? 'unknown'
    } else if (field === 2) {
      cmd = value
    } else if (field === 3) {
      if (path.length === PATH_PARTS_MAX) throw malformed(`a path of over ${PATH_PARTS_MAX} parts`)
      path.push(decodeText(value))
    }
  }
  return { type, path, cmd }
}

function encodeDescriptor({ type, path, cmd }: FlightDescriptor): Buffer {
  const parts: Uint8Array[] = []
  if (type !== 'unknown') parts.push(Uint8Array.of(8, TYPES.indexOf(type)))
  if (cmd.length > 0) pushBytes(parts, 2, cmd)
  for (const name of path) pushBytes(parts, 3, Buffer.from(name, 'utf8'))
  return Buffer.concat(parts)
}

/** Numbers for varints, views for bytes; fixed-width fields are skipped, as nobody here has one. */
function* fields(bytes: Uint8Array): Generator<{ field: number; value: number | Uint8Array }> {
  let at = 0
  while (at < bytes.length) {
    const tag = readVarint(bytes, at)
    at = tag.next
    const field = Math.floor(tag.value / 8)
    if (field === 0 || field >= 2 ** 29) throw malformed('a field number out of range')
    switch (tag.value % 8) {
      case VARINT: {
        const { value, next } = readVarint(bytes, at)
        at = next
        yield { field, value }
        break
      }
      case LENGTH_DELIMITED: {
        const { value: length, next } = readVarint(bytes, at)
        if (length > bytes.length - next)
          throw malformed(`field ${field} is longer than its message`)
        at = next + length
        yield { field, value: bytes.subarray(next, at) }
        break
      }
      case FIXED64:
        at += 8
        break
      case FIXED32:
        at += 4
        break
      default:
        throw malformed(`field ${field} has a wire type that is not in use`)
    }
  }
  if (at > bytes.length) throw malformed('it ends inside a field')
}

/** Exact to 2^53; beyond it only "too large" matters. */
function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0
  let scale = 1
  for (let at = start; at < bytes.length && at < start + 10; at += 1) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, next: at + 1 }
    scale *= 128
  }
  throw malformed('it ends inside a number')
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw malformed('a path part is not UTF-8')
  }
}

function pushBytes(parts: Uint8Array[], field: number, value: Uint8Array): void {
  parts.push(varint(field * 8 + LENGTH_DELIMITED), varint(value.length), value)
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

function malformed(reason: string): ServiceError {
  return new ServiceError('invalid', `the message is not a FlightData: ${reason}`)
}
