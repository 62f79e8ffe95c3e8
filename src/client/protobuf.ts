/**
 * The few words of protobuf that Flight needs: length-delimited fields and varints.
 *
 * Pure. Unknown fields are skipped; what does not add up is refused as `internal`, because it can
 * only come from a server that is not one.
 */
import { ServiceError } from '../errors.ts'

const WIRE_VARINT = 0
const WIRE_FIXED64 = 1
const WIRE_BYTES = 2
const WIRE_FIXED32 = 5
const VARINT_BYTES_MAX = 10

export interface ProtobufField {
  readonly number: number
  /** Of a varint; 0n otherwise. */
  readonly value: bigint
  /** Of a length-delimited field, as a view; empty otherwise. */
  readonly bytes: Uint8Array
}

/** One length-delimited field as parts to write in order; `content` is not copied. */
export function bytesField(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  const length = content.reduce((sum, part) => sum + part.length, 0)
  if (length === 0) return []
  return [varint(BigInt(number) * 8n + BigInt(WIRE_BYTES)), varint(BigInt(length)), ...content]
}

export function textField(number: number, text: string): Uint8Array[] {
  return bytesField(number, [Buffer.from(text)])
}

export function varintField(number: number, value: number): Uint8Array[] {
  return value === 0 ? [] : [varint(BigInt(number) * 8n), varint(BigInt(value))]
}

/** @throws ServiceError `internal` */
export function* fieldsOf(message: Uint8Array): Generator<ProtobufField> {
  const cursor = { at: 0 }
  while (cursor.at < message.length) {
    const tag = readVarint(message, cursor)
    const number = Number(tag >> 3n)
    const wire = Number(tag & 7n)
    if (wire === WIRE_VARINT) {
      yield { number, value: readVarint(message, cursor), bytes: new Uint8Array() }
    } else if (wire === WIRE_BYTES) {
      const length = Number(readVarint(message, cursor))
      yield { number, value: 0n, bytes: take(message, cursor, length) }
    } else if (wire === WIRE_FIXED64 || wire === WIRE_FIXED32) {
      take(message, cursor, wire === WIRE_FIXED64 ? 8 : 4)
    } else {
      throw broken()
    }
  }
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

function readVarint(message: Uint8Array, cursor: { at: number }): bigint {
  let value = 0n
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = message[cursor.at++]
    if (byte === undefined) throw broken()
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return BigInt.asUintN(64, value)
  }
  throw broken()
}

function take(message: Uint8Array, cursor: { at: number }, length: number): Uint8Array {
  const end = cursor.at + length
  if (end > message.length) throw broken()
  const bytes = message.subarray(cursor.at, end)
  cursor.at = end
  return bytes
}

function broken(): ServiceError {
  return new ServiceError('internal', 'the server sent a message that is not protobuf')
}
