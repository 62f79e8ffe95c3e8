/**
 * Avro files read by their own header, and nothing else: no code of the product takes part.
 *
 * Values are plain: int as number, long as bigint, bytes and fixed as Buffer, unions without a
 * wrapper, records keyed by the names that the writer gave.
 */
import { inflateRawSync } from 'node:zlib'

export type AvroNode = string | readonly AvroNode[] | { readonly [attribute: string]: unknown }
export type AvroRow = Readonly<Record<string, unknown>>

export interface PlainAvro {
  readonly schema: AvroNode
  readonly metadata: Readonly<Record<string, string>>
  readonly rows: readonly AvroRow[]
}

/** @throws Error for what is no Avro file, or goes on after its end. */
export function readAvro(bytes: Uint8Array): PlainAvro {
  const cursor = new Cursor(bytes)
  if (cursor.take(4).toString('latin1') !== 'Obj\u0001') throw new Error('not an Avro file')
  const header = new Map<string, Buffer>()
  for (let count = cursor.count(); count > 0; count = cursor.count()) {
    for (let i = 0; i < count; i += 1) header.set(cursor.bytes().toString('utf8'), cursor.bytes())
  }
  const sync = cursor.take(16)
  const schema = JSON.parse(String(header.get('avro.schema'))) as AvroNode
  const codec = String(header.get('avro.codec') ?? 'null')
  const rows: AvroRow[] = []
  while (!cursor.isAtEnd) {
    const count = Number(cursor.long())
    const data = cursor.bytes()
    const block = new Cursor(codec === 'deflate' ? inflateRawSync(data) : data)
    const types = new Map<string, AvroNode>()
    for (let i = 0; i < count; i += 1) rows.push(readValue(block, schema, types) as AvroRow)
    if (!block.isAtEnd) throw new Error('a block has more bytes than its records')
    if (!cursor.take(16).equals(sync)) throw new Error('a block ends without the sync marker')
  }
  const own = [...header].filter(([key]) => !key.startsWith('avro.'))
  const metadata = Object.fromEntries(own.map(([key, value]) => [key, value.toString('utf8')]))
  return { schema, metadata, rows }
}

class Cursor {
  #offset = 0
  readonly #data: Buffer

  constructor(bytes: Uint8Array) {
    this.#data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#data.length
  }

  take(length: number): Buffer {
    const end = this.#offset + length
    if (length < 0 || end > this.#data.length) throw new Error('the file is cut short')
    const part = this.#data.subarray(this.#offset, end)
    this.#offset = end
    return part
  }

  long(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.take(1)[0] ?? 0)
      value |= (byte & 0x7fn) << shift
      if (byte < 0x80n) return (value >> 1n) ^ -(value & 1n)
    }
  }

  bytes(): Buffer {
    return this.take(Number(this.long()))
  }

  /** Items of the next block of an array or a map; 0 at its end. */
  count(): number {
    const count = this.long()
    if (count < 0n) this.long()
    return Number(count < 0n ? -count : count)
  }
}

function readValue(from: Cursor, node: AvroNode, types: Map<string, AvroNode>): unknown {
  if (typeof node === 'string') return readNamed(from, node, types)
  if (isUnion(node)) return readValue(from, node[Number(from.long())] ?? 'null', types)
  const { type, name } = node
  if (typeof name === 'string') types.set(name, node)
  switch (type) {
    case 'record': {
      const fields = node['fields'] as readonly { name: string; type: AvroNode }[]
      return Object.fromEntries(
        fields.map((field) => [field.name, readValue(from, field.type, types)]),
      )
    }
    case 'array': {
      const items: unknown[] = []
      for (let count = from.count(); count > 0; count = from.count()) {
        for (let i = 0; i < count; i += 1) {
          items.push(readValue(from, node['items'] as AvroNode, types))
        }
      }
      return items
    }
    case 'fixed':
      return from.take(node['size'] as number)
    default:
      return readValue(from, type as AvroNode, types)
  }
}

function readNamed(from: Cursor, name: string, types: Map<string, AvroNode>): unknown {
  switch (name) {
    case 'null':
      return null
    case 'boolean':
      return from.take(1)[0] === 1
    case 'int':
      return Number(from.long())
    case 'long':
      return from.long()
    case 'float':
      return from.take(4).readFloatLE()
    case 'double':
      return from.take(8).readDoubleLE()
    case 'bytes':
      return from.bytes()
    case 'string':
      return from.bytes().toString('utf8')
    default: {
      const known = types.get(name)
      if (known === undefined) throw new Error(`Avro type ${name} is not defined`)
      return readValue(from, known, types)
    }
  }
}

export function isUnion(node: AvroNode): node is readonly AvroNode[] {
  return Array.isArray(node)
}
