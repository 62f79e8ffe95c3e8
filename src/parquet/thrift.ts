/**
 * Thrift's compact protocol as trees of typed values: enough to read a Parquet footer, change a
 * member, and write it again.
 *
 * Promises: what is read and written unchanged is the same bytes, whatever the members are, known
 * here or not. Integers keep their width; binaries stay bytes.
 * Does not know: Parquet.
 */
import { unreachable } from '../errors.ts'

export interface ThriftStruct {
  readonly kind: 'struct'
  readonly members: ReadonlyMap<number, ThriftValue>
}

export interface ThriftList {
  readonly kind: 'list' | 'set'
  /** Wire type of the elements, kept for empty lists too. */
  readonly element: number
  readonly items: readonly ThriftValue[]
}

export type ThriftValue =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'i8' | 'i16' | 'i32' | 'i64'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'binary'; readonly value: Uint8Array }
  | ThriftList
  | ThriftStruct

const STOP = 0
const TRUE = 1
const FALSE = 2
const DOUBLE = 7
const BINARY = 8
const LIST = 9
const SET = 10
const STRUCT = 12
const INTEGERS = new Map<number, 'i8' | 'i16' | 'i32' | 'i64'>([
  [3, 'i8'],
  [4, 'i16'],
  [5, 'i32'],
  [6, 'i64'],
])
const SHORT_LIST_MAX = 14
const DEPTH_MAX = 32

/** @throws RangeError for bytes that are not one whole struct. */
export function readThrift(bytes: Uint8Array): ThriftStruct {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0

  const byte = () => buffer.readUInt8(at++)
  const varint = () => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const next = byte()
      value |= BigInt(next & 0x7f) << shift
      if (next < 0x80) return value
    }
    throw new RangeError('a thrift integer is too long')
  }
  const zigzag = () => {
    const value = varint()
    return (value >> 1n) ^ -(value & 1n)
  }
  const binary = () => {
    const length = Number(varint())
    if (length > buffer.length - at) throw new RangeError('a thrift binary ends past its data')
    at += length
    return buffer.subarray(at - length, at)
  }
  const list = (kind: 'list' | 'set', depth: number): ThriftList => {
    const head = byte()
    const element = head & 0x0f
    const count = head >> 4 > SHORT_LIST_MAX ? Number(varint()) : head >> 4
    if (count > buffer.length - at) throw new RangeError('a thrift list ends past its data')
    // Booleans are a byte each here, where struct members put them in the type.
    const items = Array.from({ length: count }, () =>
      element <= FALSE ? boolean(byte()) : read(element, depth + 1),
    )
    return { kind, element, items }
  }
  const read = (type: number, depth: number): ThriftValue => {
    if (depth > DEPTH_MAX) throw new RangeError('a thrift value is nested too deep')
    const integer = INTEGERS.get(type)
    if (integer === 'i8') return { kind: 'i8', value: BigInt(buffer.readInt8(at++)) }
    if (integer) return { kind: integer, value: zigzag() }
    switch (type) {
      case TRUE:
      case FALSE:
        return boolean(type)
      case DOUBLE:
        at += 8
        return { kind: 'double', value: buffer.readDoubleLE(at - 8) }
      case BINARY:
        return { kind: 'binary', value: binary() }
      case LIST:
        return list('list', depth)
      case SET:
        return list('set', depth)
      case STRUCT:
        return struct(depth + 1)
      default:
        throw new RangeError(`thrift type ${type} is unknown`)
    }
  }
  const struct = (depth: number): ThriftStruct => {
    const members = new Map<number, ThriftValue>()
    let id = 0
    for (let head = byte(); head !== STOP; head = byte()) {
      id = head >> 4 === 0 ? Number(zigzag()) : id + (head >> 4)
      members.set(id, read(head & 0x0f, depth))
    }
    return { kind: 'struct', members }
  }
  const result = struct(0)
  if (at !== buffer.length) throw new RangeError('bytes follow the thrift struct')
  return result
}

/** The struct's bytes. */
export function writeThrift(value: ThriftStruct): Uint8Array {
  const parts: Uint8Array[] = []
  const small: number[] = []
  const flush = () => {
    if (small.length > 0) parts.push(Uint8Array.from(small.splice(0)))
  }
  const varint = (value: bigint) => {
    let rest = value
    for (; rest > 0x7fn; rest >>= 7n) small.push(Number(rest & 0x7fn) | 0x80)
    small.push(Number(rest))
  }
  const zigzag = (value: bigint) => varint(value >= 0n ? value << 1n : (-value << 1n) - 1n)
  const write = (value: ThriftValue): void => {
    switch (value.kind) {
      case 'bool':
        return void small.push(value.value ? TRUE : FALSE)
      case 'i8':
        return void small.push(Number(value.value & 0xffn))
      case 'i16':
      case 'i32':
      case 'i64':
        return zigzag(value.value)
      case 'double': {
        const bytes = Buffer.alloc(8)
        bytes.writeDoubleLE(value.value)
        return void small.push(...bytes)
      }
      case 'binary':
        varint(BigInt(value.value.length))
        flush()
        return void parts.push(value.value)
      case 'list':
      case 'set': {
        const { length } = value.items
        small.push((Math.min(length, SHORT_LIST_MAX + 1) << 4) | value.element)
        if (length > SHORT_LIST_MAX) varint(BigInt(length))
        return value.items.forEach(write)
      }
      case 'struct':
        return struct(value)
      default:
        return unreachable(value)
    }
  }
  const struct = ({ members }: ThriftStruct): void => {
    let previous = 0
    for (const [id, value] of [...members].sort(([a], [b]) => a - b)) {
      const type = wireType(value)
      const delta = id - previous
      if (delta > 0 && delta < 16) small.push((delta << 4) | type)
      else {
        small.push(type)
        zigzag(BigInt(id))
      }
      previous = id
      if (value.kind !== 'bool') write(value)
    }
    small.push(STOP)
  }
  struct(value)
  flush()
  return Buffer.concat(parts)
}

/** A struct from its members by id. */
export function thriftStruct(members: Readonly<Record<number, ThriftValue>>): ThriftStruct {
  const pairs = Object.entries(members).map(([id, value]) => [Number(id), value] as const)
  return { kind: 'struct', members: new Map(pairs) }
}

/** Wire type of structs, for lists that are made anew. */
export const STRUCT_TYPE = STRUCT

function boolean(type: number): ThriftValue {
  return { kind: 'bool', value: type === TRUE }
}

function wireType(value: ThriftValue): number {
  switch (value.kind) {
    case 'bool':
      return value.value ? TRUE : FALSE
    case 'i8':
      return 3
    case 'i16':
      return 4
    case 'i32':
      return 5
    case 'i64':
      return 6
    case 'double':
      return DOUBLE
    case 'binary':
      return BINARY
    case 'list':
      return LIST
    case 'set':
      return SET
    case 'struct':
      return STRUCT
    default:
      return unreachable(value)
  }
}
