/**
 * Avro object container files, and the only file that imports avsc.
 *
 *     "Obj" 1  metadata (map of bytes: avro.schema, avro.codec, Iceberg's own keys)  16 bytes sync
 *     block…   records (long)  length (long)  deflated records  16 bytes sync
 *
 * The container is written here, because avsc's own keeps only the attributes of a schema that it
 * knows, and a schema without field ids is no Iceberg. Longs are bigint in both directions, and
 * records are keyed by names that stand for field ids. Equal input gives equal bytes.
 */
import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import avro from 'avsc'
import { ServiceError } from '../errors.ts'
import { parseJson, stringifyJson } from '../json.ts'
import { type AvroSchema, plainSchema } from './avro-schema.ts'
import { decompressSnappy } from './snappy.ts'

export type AvroRecord = Readonly<Record<string, unknown>>

export interface AvroFile {
  /** Raw, with every attribute. */
  readonly schema: AvroSchema
  /** The header's keys other than Avro's own. */
  readonly metadata: Readonly<Record<string, string>>
  readonly records: readonly AvroRecord[]
}

const MAGIC = Buffer.from('Obj\u0001', 'latin1')
const SYNC_BYTES = 16
/** A block is closed once its records reach this many bytes before compression. */
const BLOCK_BYTES_TARGET = 256 * 1024
/** A block that claims to unfold to more is taken for damage. */
const BLOCK_BYTES_MAX = 256 * 1024 * 1024

/** Schemas whose codecs are kept, oldest out first. */
const CODECS_MAX = 256
const codecs = new Map<string, avro.Type>()

interface Header {
  readonly magic: Buffer
  readonly meta: Readonly<Record<string, Buffer>>
  readonly sync: Buffer
}

interface Block {
  readonly count: bigint
  readonly data: Buffer
  readonly sync: Buffer
}

/** avsc reads longs as doubles, which are wrong beyond 2^53, unless it is told how else. */
const bigintLong = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

const headerType = codecOf({
  type: 'record',
  name: 'header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'magic_bytes', size: MAGIC.length } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'sync_bytes', size: SYNC_BYTES } },
  ],
})

const blockType = codecOf({
  type: 'record',
  name: 'block',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'data', type: 'bytes' },
    { name: 'sync', type: { type: 'fixed', name: 'sync_bytes', size: SYNC_BYTES } },
  ],
})

/**
 * @param nameOf The key under which records carry the field of an id.
 * @throws ServiceError `invalid` naming the first value that does not fit the schema.
 */
export function encodeAvroFile(file: AvroFile, nameOf: (fieldId: number) => string): Uint8Array {
  const type = codecOf(plainSchema(file.schema, nameOf))
  const schemaText = stringifyJson(file.schema)
  const meta: Record<string, Buffer> = {
    'avro.schema': Buffer.from(schemaText),
    'avro.codec': Buffer.from('deflate'),
  }
  for (const [key, value] of Object.entries(file.metadata)) meta[key] = Buffer.from(value)
  const blocks = blocksOf(file.records.map((record) => encodeRecord(type, record)))
  const hash = createHash('sha256').update(stringifyJson(file.metadata)).update(schemaText)
  for (const { data } of blocks) hash.update(data)
  // Made from the content, not from chance: the same file twice has the same bytes.
  const sync = hash.digest().subarray(0, SYNC_BYTES)
  const parts = blocks.map(({ count, data }) => blockType.toBuffer({ count, data, sync }))
  return Uint8Array.from(
    Buffer.concat([headerType.toBuffer({ magic: MAGIC, meta, sync }), ...parts]),
  )
}

/**
 * Reads what any writer of Iceberg writes, with the codecs null, deflate, zstandard and snappy.
 *
 * @throws ServiceError `corrupt` for damaged bytes; `unsupported` for another codec.
 */
export function decodeAvroFile(bytes: Uint8Array, nameOf: (fieldId: number) => string): AvroFile {
  try {
    return readFile(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), nameOf)
  } catch (thrown) {
    if (thrown instanceof ServiceError && thrown.kind !== 'invalid') throw thrown
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw new ServiceError('corrupt', `Avro file of ${bytes.length} bytes is damaged: ${reason}`, {
      cause: thrown,
    })
  }
}

function readFile(bytes: Buffer, nameOf: (fieldId: number) => string): AvroFile {
  const header = decodeAt(headerType, bytes, 0, 'header')
  const { magic, meta, sync } = header.value as Header
  if (!magic.equals(MAGIC)) throw new Error('it does not begin as one')
  const schema = parseJson(String(meta['avro.schema'])) as AvroSchema
  const codec = meta['avro.codec'] === undefined ? 'null' : String(meta['avro.codec'])
  const type = codecOf(plainSchema(schema, nameOf))
  const records: AvroRecord[] = []
  let offset = header.end
  while (offset < bytes.length) {
    const { value, end } = decodeAt(blockType, bytes, offset, 'block')
    const block = value as Block
    if (!block.sync.equals(sync)) throw new Error(`the block at ${offset} ends wrongly`)
    readBlock(type, decompress(codec, block.data), block.count, records)
    offset = end
  }
  const own = Object.entries(meta).filter(([key]) => !key.startsWith('avro.'))
  const metadata = Object.fromEntries(own.map(([key, value]) => [key, value.toString('utf8')]))
  return { schema, metadata, records }
}

function readBlock(type: avro.Type, data: Buffer, count: bigint, into: AvroRecord[]): void {
  let offset = 0
  // Every record of ours has a byte at least, so the loop ends with the data whatever the count.
  for (let i = 0n; i < count; i += 1n) {
    const record = decodeAt(type, data, offset, 'record')
    if (record.end === offset) throw new Error('a record has no bytes')
    into.push(record.value as AvroRecord)
    offset = record.end
  }
  if (offset !== data.length) throw new Error('a block has more bytes than records')
}

function decodeAt(type: avro.Type, bytes: Buffer, offset: number, what: string) {
  const { value, offset: end } = type.decode(bytes, offset)
  if (end < 0) throw new Error(`the ${what} at ${offset} is cut short`)
  return { value: value as unknown, end }
}

function encodeRecord(type: avro.Type, record: AvroRecord): Buffer {
  let fault: string | undefined
  // Checked by itself, because the error of a failed write cannot show a bigint.
  type.isValid(record, {
    errorHook: (path: string[], value: unknown) => {
      fault ??= `${path.join('.')} cannot hold a ${value === null ? 'null' : typeof value}`
    },
  })
  if (fault !== undefined) throw new ServiceError('invalid', `Avro record: ${fault}`)
  return type.toBuffer(record)
}

function blocksOf(records: readonly Buffer[]): { readonly count: bigint; readonly data: Buffer }[] {
  const blocks: { count: bigint; data: Buffer }[] = []
  let pending: Buffer[] = []
  let pendingBytes = 0
  records.forEach((record, i) => {
    pending.push(record)
    pendingBytes += record.length
    if (pendingBytes < BLOCK_BYTES_TARGET && i < records.length - 1) return
    blocks.push({ count: BigInt(pending.length), data: deflateRawSync(Buffer.concat(pending)) })
    pending = []
    pendingBytes = 0
  })
  return blocks
}

function decompress(codec: string, data: Buffer): Buffer {
  switch (codec) {
    case 'null':
      return data
    case 'deflate':
      return inflateRawSync(data, { maxOutputLength: BLOCK_BYTES_MAX })
    case 'zstandard':
      return zstdDecompressSync(data, { maxOutputLength: BLOCK_BYTES_MAX })
    case 'snappy':
      return decompressSnappy(data, BLOCK_BYTES_MAX)
    default:
      throw new ServiceError('unsupported', `Avro codec ${JSON.stringify(codec)} is not offered`)
  }
}

/** Making one compiles code, and the schemas of a table's files hardly ever change. */
function codecOf(schema: AvroSchema): avro.Type {
  const text = JSON.stringify(schema)
  const known = codecs.get(text)
  if (known !== undefined) return known
  const made = avro.Type.forSchema(schema as avro.Schema, {
    typeHook: (node: unknown) => (node === 'long' ? bigintLong : undefined),
    wrapUnions: 'never',
  })
  const [oldest] = codecs.keys()
  if (codecs.size >= CODECS_MAX && oldest !== undefined) codecs.delete(oldest)
  codecs.set(text, made)
  return made
}
