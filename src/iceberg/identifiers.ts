/** Identifier fields: the columns by which a table's rows are told apart. */
import { ServiceError } from '../errors.ts'
import { positionByPath } from './schema.ts'
import type { NestedField, Schema } from './types.ts'

/**
 * The schema of a new table with these fields as its identifiers. They become required, and so
 * does every struct around them: a row without an identity could not be told from another.
 *
 * @throws ServiceError `invalid` naming a path that is no field. Whether its type may identify is
 * for the schema's own check.
 */
export function withIdentifiers(schema: Schema, paths: readonly string[]): Schema {
  if (paths.length === 0) return schema
  const ids = new Set<number>()
  for (const path of paths) {
    const found = positionByPath(schema, path)
    if (found === undefined || found.isRepeated) {
      const why = found ? 'it is inside a list or a map' : 'there is no such column'
      throw new ServiceError('invalid', `identifier field ${path}: ${why}`)
    }
    ids.add(found.field.id)
  }
  const fields = requireAll(schema.fields, ids)
  return { ...schema, fields, 'identifier-field-ids': [...ids] }
}

function requireAll(
  fields: readonly NestedField[],
  ids: ReadonlySet<number>,
): readonly NestedField[] {
  return fields.map((field) => {
    if (ids.has(field.id)) return { ...field, required: true }
    if (typeof field.type === 'string' || field.type.type !== 'struct') return field
    const { type } = field
    const below = requireAll(type.fields, ids)
    const isTouched = below.some((child, i) => child !== type.fields[i])
    return isTouched ? { ...field, required: true, type: { ...type, fields: below } } : field
  })
}
