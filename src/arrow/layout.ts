/**
 * How a schema's columns lie in a record batch: the tree that nodes and buffers follow.
 *
 * A dictionary-encoded field is its index there, without children; the layout of its values stands
 * in `dictionaries`. `index` is the field's place in depth-first order over the whole schema,
 * children of dictionary values included: the order of `EntrySchema.fieldIds`.
 */
import { ServiceError } from '../errors.ts'
import type { ArrowField, ArrowSchema, ArrowType } from './schema.ts'

export interface ColumnLayout {
  readonly index: number
  /** As messages name it: `attributes.value.item`. */
  readonly path: string
  /** What the buffers hold: for a dictionary-encoded field the integer type of its indices. */
  readonly type: ArrowType
  readonly dictionary: bigint | undefined
  readonly children: readonly ColumnLayout[]
}

export interface SchemaLayout {
  readonly columns: readonly ColumnLayout[]
  readonly fieldCount: number
  readonly dictionaries: ReadonlyMap<bigint, ColumnLayout>
}

/** @throws ServiceError `invalid` for layouts without a verifier (unions, run-end encoding). */
export function layoutOf(schema: ArrowSchema): SchemaLayout {
  const dictionaries = new Map<bigint, ColumnLayout>()
  let fieldCount = 0

  function column(field: ArrowField, path: string): ColumnLayout {
    const index = fieldCount++
    const { type, dictionary } = field
    if (type.kind === 'union' || type.kind === 'run-end-encoded') {
      throw new ServiceError('invalid', `column ${path} is ${type.kind}, which is not supported`)
    }
    const children = field.children.map((child, i) => column(child, childPath(field, i, path)))
    const values: ColumnLayout = { index, path, type, dictionary: undefined, children }
    if (!dictionary) return values
    shareDictionary(dictionaries, dictionary.id, values)
    const indices: ArrowType = { kind: 'int', ...dictionary.index }
    return { index, path, type: indices, dictionary: dictionary.id, children: [] }
  }

  const columns = schema.fields.map((field) => column(field, field.name))
  return { columns, fieldCount, dictionaries }
}

/** The path of a child: entries of maps are left out, nameless elements get a name. */
export function childPath(parent: ArrowField, child: number, path: string): string {
  if (parent.type.kind === 'map') return path
  const name = parent.children[child]?.name
  return `${path}.${name || 'element'}`
}

function shareDictionary(
  dictionaries: Map<bigint, ColumnLayout>,
  id: bigint,
  values: ColumnLayout,
): void {
  const known = dictionaries.get(id)
  if (!known) {
    dictionaries.set(id, values)
  } else if (!hasSameShape(known, values)) {
    throw new ServiceError(
      'invalid',
      `columns ${known.path} and ${values.path} share dictionary ${id} but not its type`,
    )
  }
}

function hasSameShape(a: ColumnLayout, b: ColumnLayout): boolean {
  return (
    JSON.stringify(a.type) === JSON.stringify(b.type) &&
    a.dictionary === b.dictionary &&
    a.children.length === b.children.length &&
    a.children.every((child, i) => hasSameShape(child, b.children[i] as ColumnLayout))
  )
}
