/**
 * From one log entry to its rows in the table's columns.
 *
 * Promises: definitions that entries share are decoded once; what fails is an error of that entry
 * alone, and leaves nothing behind for the next one.
 */
import { batchReader } from '../arrow/kernels/batch-reader.ts'
import { aligned, type Column, type StructColumn } from '../arrow/kernels/column.ts'
import { concatColumns } from '../arrow/kernels/concat.ts'
import { loadColumns } from '../arrow/kernels/load.ts'
import { type MappedField, mapFields, projectRows } from '../arrow/kernels/project.ts'
import { type BatchHeader, readMessage } from '../arrow/message.ts'
import type { ArrowField } from '../arrow/schema.ts'
import { verifySchema } from '../arrow/verify-schema.ts'
import { decodeMessage, decodeSchema } from '../entry.ts'
import type { StructType } from '../iceberg/types.ts'
import type { EncodeEntry } from './encoder.ts'
import type { Unpack } from './unpack.ts'

/** Ingest applied the configured limits; these only keep a damaged log from running away. */
const SCHEMA_LIMITS = { columnsMax: 1_000_000, nestingMax: 128 }

interface DecodedSchema {
  readonly fields: readonly MappedField[]
  readonly arrowFields: readonly ArrowField[]
}

/** Rows in the table's columns. @throws whatever is wrong with the entry. */
export type EntryDecoder = (entry: EncodeEntry) => StructColumn

export function entryDecoder(schema: StructType, unpack: Unpack): EntryDecoder {
  const schemas = new Map<string, DecodedSchema>()
  const dictionaries = new Map<string, ReadonlyMap<bigint, Column>>()

  const schemaOf = ({ definitions: [first] }: EncodeEntry): DecodedSchema => {
    if (!first) throw new RangeError('the entry has no schema')
    const known = schemas.get(first.id)
    if (known) return known
    const { fieldIds, metadata } = decodeSchema(first.bytes)
    const arrowFields = verifySchema(metadata, SCHEMA_LIMITS).fields
    const decoded = { arrowFields, fields: mapFields(arrowFields, fieldIds) }
    schemas.set(first.id, decoded)
    return decoded
  }

  /** After each message in turn: producers add to their dictionaries, so prefixes repeat. */
  const dictionariesOf = (entry: EncodeEntry, { arrowFields }: DecodedSchema) => {
    let name = entry.definitions[0]?.id ?? ''
    let values: ReadonlyMap<bigint, Column> = new Map()
    for (const { id, bytes } of entry.definitions.slice(1)) {
      name += id
      values = dictionaries.get(name) ?? loadDictionary(bytes, arrowFields, values, unpack)
      dictionaries.set(name, values)
    }
    return values
  }

  return (entry) => {
    const decoded = schemaOf(entry)
    const { metadata, body } = decodeMessage(entry.payload)
    const header = readMessage(metadata)
    if (header.kind !== 'batch') throw new RangeError(`the entry holds a ${header.kind} message`)
    const reader = openBatch(header.batch, body, unpack)
    const children = loadColumns(decoded.arrowFields, reader, dictionariesOf(entry, decoded))
    const length = header.batch.rows
    if (children.some((child) => child.length !== length)) {
      throw new RangeError(`columns differ in length from the batch's ${length} rows`)
    }
    const rows: StructColumn = {
      kind: 'struct',
      length,
      nullCount: 0,
      validity: undefined,
      children,
    }
    return projectRows(decoded.fields, rows, schema)
  }
}

function openBatch(batch: BatchHeader, body: Uint8Array, unpack: Unpack) {
  const unpacked = unpack(batch, body)
  return batchReader(unpacked.header, aligned(unpacked.body))
}

function loadDictionary(
  bytes: Uint8Array,
  fields: readonly ArrowField[],
  known: ReadonlyMap<bigint, Column>,
  unpack: Unpack,
): ReadonlyMap<bigint, Column> {
  const { metadata, body } = decodeMessage(bytes)
  const header = readMessage(metadata)
  if (header.kind !== 'dictionary') throw new RangeError(`a definition is a ${header.kind} message`)
  const field = dictionaryField(fields, header.id)
  if (!field) return known
  const reader = openBatch(header.batch, body, unpack)
  const [values] = loadColumns([{ ...field, dictionary: undefined }], reader, known)
  const before = header.isDelta ? known.get(header.id) : undefined
  const all = before ? concatColumns([before, values as Column]) : (values as Column)
  return new Map(known).set(header.id, all)
}

function dictionaryField(fields: readonly ArrowField[], id: bigint): ArrowField | undefined {
  for (const field of fields) {
    if (field.dictionary?.id === id) return field
    const inside = dictionaryField(field.children, id)
    if (inside) return inside
  }
  return undefined
}
