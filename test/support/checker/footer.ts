/** A Parquet footer through hyparquet's raw Thrift: statistics stay the bytes that they are. */
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'

export interface FooterColumn {
  readonly fieldId: number | undefined
  readonly path: string
  readonly isRepeated: boolean
  readonly physical: number
  readonly isRequired: boolean
  /** As the Iceberg type would be called, from the logical type. */
  readonly annotation: string
  readonly chunks: readonly FooterChunk[]
}

export interface FooterChunk {
  readonly values: bigint
  readonly bytes: bigint
  readonly nulls: bigint | undefined
  readonly min: Buffer | undefined
  readonly max: Buffer | undefined
  readonly isExact: boolean
}

export interface Footer {
  readonly rows: bigint
  readonly columns: readonly FooterColumn[]
  /** Where each row group begins. */
  readonly offsets: readonly bigint[]
  /** Ids of every field, groups included. */
  readonly fieldIds: ReadonlySet<number>
}

type Thrift = Readonly<Record<string, unknown>>

interface Leaf extends Omit<FooterColumn, 'chunks'> {}

/** @throws Error for what is no Parquet file. */
export function readFooter(file: Uint8Array): Footer {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (bytes.subarray(-4).toString('latin1') !== 'PAR1') throw new Error('not a Parquet file')
  const length = bytes.readUInt32LE(bytes.length - 8)
  const start = bytes.length - 8 - length
  if (start < 4) throw new Error('the footer is longer than the file')
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length)
  const footer = deserializeTCompactProtocol({ view, offset: 0 }) as Thrift
  const fieldIds = new Set<number>()
  const leaves = leavesOf(footer['field_2'] as readonly Thrift[], fieldIds)
  const groups = (footer['field_4'] ?? []) as readonly Thrift[]
  return {
    rows: BigInt(footer['field_3'] as number),
    fieldIds,
    columns: leaves.map((leaf, i) => ({
      ...leaf,
      chunks: groups.map((group) => chunkOf((group['field_1'] as readonly Thrift[])[i] ?? {})),
    })),
    offsets: groups.map((group) => {
      const [first = {}] = group['field_1'] as readonly Thrift[]
      const meta = first['field_3'] as Thrift
      return BigInt((meta['field_11'] ?? meta['field_9']) as number)
    }),
  }
}

function chunkOf(column: Thrift): FooterChunk {
  const meta = column['field_3'] as Thrift
  const statistics = (meta['field_12'] ?? {}) as Thrift
  const [nulls, max, min] = [statistics['field_3'], statistics['field_5'], statistics['field_6']]
  return {
    values: BigInt(meta['field_5'] as number),
    bytes: BigInt(meta['field_7'] as number),
    nulls: nulls === undefined ? undefined : BigInt(nulls as number),
    max: max === undefined ? undefined : Buffer.from(max as Uint8Array),
    min: min === undefined ? undefined : Buffer.from(min as Uint8Array),
    isExact: statistics['field_7'] !== false && statistics['field_8'] !== false,
  }
}

/** Schema elements stand depth-first: each group says how many children follow. */
function leavesOf(elements: readonly Thrift[], fieldIds: Set<number>): Leaf[] {
  const leaves: Leaf[] = []
  let next = 1
  const visit = (count: number, path: string, isRepeated: boolean, isBelowOptional: boolean) => {
    for (let i = 0; i < count; i += 1) {
      const element = elements[next] ?? {}
      next += 1
      const id = element['field_9'] as number | undefined
      if (id !== undefined) fieldIds.add(id)
      const name = text(element['field_4'])
      const at = path === '' ? name : `${path}.${name}`
      const repetition = element['field_3']
      const repeats = isRepeated || repetition === 2
      const children = (element['field_5'] ?? 0) as number
      if (children > 0) {
        visit(children, at, repeats, isBelowOptional || repetition === 1)
        continue
      }
      leaves.push({
        fieldId: id,
        path: at,
        isRepeated: repeats,
        physical: element['field_1'] as number,
        isRequired: repetition === 0,
        annotation: annotationOf(element),
      })
    }
  }
  visit((elements[0]?.['field_5'] ?? 0) as number, '', false, false)
  return leaves
}

const PHYSICAL = ['boolean', 'int', 'long', 'int96', 'float', 'double', 'binary', 'fixed']

function annotationOf(element: Thrift): string {
  const physical = PHYSICAL[element['field_1'] as number] ?? 'unknown'
  const logical = (element['field_10'] ?? {}) as Thrift
  if (logical['field_1'] !== undefined) return 'string'
  const decimal = logical['field_5'] as Thrift | undefined
  if (decimal !== undefined) {
    return `decimal(${String(decimal['field_2'])}, ${String(decimal['field_1'])})`
  }
  if (logical['field_6'] !== undefined) return 'date'
  const time = logical['field_7'] as Thrift | undefined
  if (time !== undefined) return `time${unitOf(time)}`
  const instant = logical['field_8'] as Thrift | undefined
  if (instant !== undefined) {
    return `timestamp${instant['field_1'] === true ? 'tz' : ''}${unitOf(instant)}`
  }
  if (logical['field_14'] !== undefined) return 'uuid'
  return physical === 'fixed' ? `fixed[${String(element['field_2'])}]` : physical
}

/** Microseconds have no suffix, as in Iceberg's names. */
function unitOf(type: Thrift): string {
  const unit = (type['field_2'] ?? {}) as Thrift
  if (unit['field_1'] !== undefined) return '_ms'
  return unit['field_3'] === undefined ? '' : '_ns'
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value)
}
