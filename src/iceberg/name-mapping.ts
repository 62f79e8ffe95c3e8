/**
 * The table property `schema.name-mapping.default`: names under which fields are known besides
 * their own (Iceberg spec, "Column Projection", "Name Mapping Serialization").
 *
 * Other clients write it and keep it up to date when they rename; a text that is no mapping is as
 * good as none.
 */
import { asObject, parseJson } from '../json.ts'

export const NAME_MAPPING_PROPERTY = 'schema.name-mapping.default'

/** Field ids by name, per parent field; the parent of columns is 0. */
export type NameMapping = ReadonlyMap<number, ReadonlyMap<string, number>>

const DEPTH_MAX = 100

export function parseNameMapping(text: string | undefined): NameMapping {
  const mapping = new Map<number, Map<string, number>>()
  if (text !== undefined) collect(mapping, 0, { fields: parse(text), depth: 0 })
  return mapping
}

function parse(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

function collect(
  mapping: Map<number, Map<string, number>>,
  parent: number,
  { fields, depth }: { readonly fields: unknown; readonly depth: number },
): void {
  if (!Array.isArray(fields) || depth > DEPTH_MAX) return
  const known = mapping.get(parent) ?? new Map<string, number>()
  mapping.set(parent, known)
  for (const field of fields.map(asObject)) {
    // A mapping without an id hides a column of old files; it says nothing about new rows.
    const id = field?.['field-id']
    if (typeof id !== 'number' || !Array.isArray(field?.['names'])) continue
    for (const name of field['names']) if (typeof name === 'string') known.set(name, id)
    collect(mapping, id, { fields: field['fields'], depth: depth + 1 })
  }
}
