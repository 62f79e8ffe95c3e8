/**
 * From an untrusted schema message to {@link ArrowSchema}.
 *
 * Promises: a schema that is returned is complete and consistent (every type has its parameters in
 * range and its number of children), has at most `columnsMax` fields at all depths together and is
 * nested at most `nestingMax` deep; little-endian; all text is valid UTF-8.
 * Does not know which types a table can store.
 */
import { ServiceError } from '../errors.ts'
import type { Table, Vector } from './flatbuffer.ts'
import type { ArrowLimits } from './limits.ts'
import { readMessage } from './message.ts'
import { checkChildren, readIndexType, readType } from './read-type.ts'
import type { ArrowField, ArrowSchema, DictionaryEncoding } from './schema.ts'

type SchemaLimits = Pick<ArrowLimits, 'columnsMax' | 'nestingMax'>

const DICTIONARY_ID_MAX = BigInt(Number.MAX_SAFE_INTEGER)

interface Progress {
  readonly limits: SchemaLimits
  fields: number
}

/** @throws ServiceError `invalid` for damaged or unsupported metadata, `too-large` beyond limits. */
export function verifySchema(metadata: Uint8Array, limits: SchemaLimits): ArrowSchema {
  const header = readMessage(metadata)
  if (header.kind !== 'schema') {
    throw new ServiceError('invalid', `expected an arrow schema message, got a ${header.kind}`)
  }
  const { table } = header
  if (table.int16(0) !== 0) {
    throw new ServiceError('invalid', 'the arrow schema is big-endian: send little-endian data')
  }
  const progress = { limits, fields: 0 }
  return {
    fields: readFields(table, table.vector(1, 4, 'the list of columns'), {
      progress,
      path: '',
      depth: 1,
    }),
    metadata: readKeyValues(table, 2, 'the schema'),
  }
}

interface Place {
  readonly progress: Progress
  /** Of the parent; empty at the top. */
  readonly path: string
  readonly depth: number
}

function readFields(owner: Table, vector: Vector | undefined, place: Place): ArrowField[] {
  if (!vector || vector.length === 0) return []
  const { progress, depth } = place
  const { columnsMax, nestingMax } = progress.limits
  // Counted before anything is read, so that a long list costs nothing.
  progress.fields += vector.length
  if (progress.fields > columnsMax) {
    throw new ServiceError(
      'too-large',
      `the arrow schema has ${progress.fields} columns or more, at most ${columnsMax} are allowed (ingest.columnsMax)`,
      { context: { columns: progress.fields, columnsMax } },
    )
  }
  if (depth > nestingMax) {
    throw new ServiceError(
      'too-large',
      `column ${shorten(place.path)} is nested deeper than ${nestingMax} levels (ingest.nestingMax)`,
      { context: { nestingMax } },
    )
  }
  return Array.from({ length: vector.length }, (_, i) => {
    const what = place.path === '' ? `column ${i}` : `child ${i} of column ${shorten(place.path)}`
    return readField(owner.tableIn(vector, i, what), place)
  })
}

function readField(table: Table, place: Place): ArrowField {
  const name = table.string(0, `the name of ${table.what}`) ?? ''
  const path = place.path === '' ? name : `${place.path}.${name}`
  const what = `column ${shorten(path)}`
  const type = readType(table, what)
  const children = readFields(table, table.vector(5, 4, `the children of ${what}`), {
    progress: place.progress,
    path,
    depth: place.depth + 1,
  })
  checkChildren(type, children, what)
  return {
    name,
    nullable: table.bool(1),
    type,
    children,
    dictionary: readDictionary(table.table(4, `the dictionary of ${what}`), what),
    metadata: readKeyValues(table, 6, what),
  }
}

function readDictionary(table: Table | undefined, what: string): DictionaryEncoding | undefined {
  if (!table) return undefined
  if (table.int16(3) !== 0) {
    throw new ServiceError('invalid', `${what} has a dictionary of unknown kind ${table.int16(3)}`)
  }
  const id = table.int64(0)
  if (id > DICTIONARY_ID_MAX || id < -DICTIONARY_ID_MAX) {
    throw new ServiceError(
      'invalid',
      `${what} has dictionary id ${id}, which not every reader holds`,
    )
  }
  return {
    id,
    index: readIndexType(table.table(1, `the index type of ${what}`), what),
    isOrdered: table.bool(2),
  }
}

function readKeyValues(table: Table, slot: number, what: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>()
  const vector = table.vector(slot, 4, `the metadata of ${what}`)
  for (let i = 0; i < (vector?.length ?? 0); i++) {
    const pair = table.tableIn(vector as Vector, i, `the metadata of ${what}`)
    const key = pair.string(0, `a metadata key of ${what}`) ?? ''
    pairs.set(key, pair.string(1, `metadata ${JSON.stringify(shorten(key))} of ${what}`) ?? '')
  }
  return pairs
}

/** Names come from outside: a message stays a sentence whatever their length. */
export function shorten(path: string): string {
  return path.length > 120 ? `${path.slice(0, 120)}…` : path
}
