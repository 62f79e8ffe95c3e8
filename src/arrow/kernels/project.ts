/**
 * A batch onto the table's schema, by field id.
 *
 * Promises: the result has exactly the table's stored columns in the table's order, nested ones
 * too; what the batch lacks is null; a null where the table forbids one is an error that names the
 * column. Columns of the batch that the table does not have are left out.
 */
import { unreachable } from '../../errors.ts'
import type { NestedField, StructType, Type } from '../../iceberg/types.ts'
import type { ArrowField } from '../schema.ts'
import { andBits, countSet, hasUnmasked } from './bits.ts'
import { castColumn, primitiveLayout } from './cast.ts'
import {
  type Column,
  type Layout,
  type ListColumn,
  nullColumn,
  type StructColumn,
  withValidity,
} from './column.ts'

/** An Arrow field with the Iceberg ids of its whole tree. */
export interface MappedField {
  readonly field: ArrowField
  /** -1: the table does not store it. */
  readonly id: number
  readonly children: readonly MappedField[]
}

/** Pairs fields with ids given depth first. @throws RangeError when their number differs. */
export function mapFields(
  fields: readonly ArrowField[],
  ids: readonly number[],
): readonly MappedField[] {
  let next = 0
  const visit = (field: ArrowField): MappedField => {
    const id = ids[next++]
    if (id === undefined) throw new RangeError('the schema has more fields than field ids')
    return { field, id, children: field.children.map(visit) }
  }
  const mapped = fields.map(visit)
  if (next !== ids.length) throw new RangeError('the schema has fewer fields than field ids')
  return mapped
}

/** Fields that have a column in a file: `unknown` has none. */
export function storedFields(struct: StructType): readonly NestedField[] {
  return struct.fields.filter((field) => field.type !== 'unknown')
}

/** Arrow layout of a stored type. */
export function typeLayout(type: Type): Layout {
  if (typeof type === 'string') return primitiveLayout(type)
  switch (type.type) {
    case 'struct':
      return { kind: 'struct', children: storedFields(type).map((field) => typeLayout(field.type)) }
    case 'list':
      return { kind: 'list', child: typeLayout(type.element) }
    case 'map':
      return {
        kind: 'list',
        child: { kind: 'struct', children: [typeLayout(type.key), typeLayout(type.value)] },
      }
    default:
      return unreachable(type)
  }
}

/** @throws RangeError naming the column that cannot be stored. */
export function projectRows(
  fields: readonly MappedField[],
  struct: StructColumn,
  target: StructType,
): StructColumn {
  return projectStruct({ fields, struct, target, path: '' })
}

interface StructProjection {
  readonly fields: readonly MappedField[]
  readonly struct: StructColumn
  readonly target: StructType
  readonly path: string
}

function projectStruct({ fields, struct, target, path }: StructProjection): StructColumn {
  const children = storedFields(target).map((wanted) => {
    const name = `${path}${wanted.name}`
    const at = fields.findIndex((field) => field.id === wanted.id)
    const child =
      at < 0
        ? nullColumn(typeLayout(wanted.type), struct.length)
        : project(fields[at] as MappedField, struct.children[at] as Column, {
            type: wanted.type,
            name,
          })
    if (wanted.required) refuseNulls(child, struct.validity, name)
    return child
  })
  return { ...struct, children }
}

interface Target {
  readonly type: Type
  readonly name: string
}

function project(source: MappedField, column: Column, { type, name }: Target): Column {
  if (source.field.type.kind === 'null') return nullColumn(typeLayout(type), column.length)
  if (typeof type === 'string') {
    try {
      return castColumn(column, source.field.type, type)
    } catch (error) {
      throw new RangeError(`column ${name}: ${(error as Error).message}`, { cause: error })
    }
  }
  if (type.type === 'struct' && column.kind === 'struct') {
    return projectStruct({
      fields: source.children,
      struct: column,
      target: type,
      path: `${name}.`,
    })
  }
  if (type.type === 'list' && column.kind === 'list' && source.field.type.kind !== 'map') {
    const element = source.children[0] as MappedField
    const child = project(element, column.child, { type: type.element, name: `${name}.element` })
    if (type['element-required']) refuseNulls(child, undefined, `${name}.element`)
    return { ...column, child } satisfies ListColumn
  }
  if (type.type === 'map' && column.kind === 'list' && source.field.type.kind === 'map') {
    const entries = source.children[0] as MappedField
    return projectMap({ entries, column, type, name })
  }
  throw new RangeError(`column ${name}: arrow ${source.field.type.kind} is not a ${type.type}`)
}

interface MapProjection {
  readonly entries: MappedField
  readonly column: ListColumn
  readonly type: Extract<Type, { type: 'map' }>
  readonly name: string
}

/** By position: the names and ids of a map's inner fields differ between producers. */
function projectMap({ entries, column, type, name }: MapProjection): ListColumn {
  const { child } = column
  if (child.kind !== 'struct' || child.nullCount > 0) {
    throw new RangeError(`column ${name}: a map has null entries`)
  }
  const [keyField, valueField] = entries.children as [MappedField, MappedField]
  const [keys, values] = child.children as [Column, Column]
  const key = project(keyField, keys, { type: type.key, name: `${name}.key` })
  const value = project(valueField, values, { type: type.value, name: `${name}.value` })
  refuseNulls(key, undefined, `${name}.key`)
  if (type['value-required']) refuseNulls(value, undefined, `${name}.value`)
  return { ...column, child: { ...child, children: [key, value] } }
}

function refuseNulls(column: Column, parent: Uint8Array | undefined, name: string): void {
  if (column.validity === undefined) return
  if (hasUnmasked(column.validity, parent, column.length)) {
    throw new RangeError(`column ${name}: the table requires a value in every row`)
  }
}

/** The column of a field that stands in structs only, null wherever one of those is null. */
export function columnById(
  struct: StructColumn,
  target: StructType,
  id: number,
): Column | undefined {
  const fields = storedFields(target)
  for (const [i, field] of fields.entries()) {
    const column = struct.children[i] as Column
    if (field.id === id) return masked(column, struct.validity)
    if (typeof field.type === 'string' || field.type.type !== 'struct') continue
    if (column.kind !== 'struct') continue
    const inside = { ...column, validity: andBits(column.validity, struct.validity) }
    const found = columnById(inside, field.type, id)
    if (found) return found
  }
  return undefined
}

function masked(column: Column, parent: Uint8Array | undefined): Column {
  if (parent === undefined) return column
  const validity = andBits(column.validity, parent) as Uint8Array
  return withValidity(column, validity, column.length - countSet(validity, column.length))
}
