/**
 * Vectors: lists of a fixed size, whose dimension Iceberg has no word for. It is remembered as the
 * table property `frazil.dimension.<column>`, so that a stream of another dimension is refused.
 */
import { positionById } from '../iceberg/schema.ts'
import type { Schema } from '../iceberg/types.ts'
import { RefusedError } from './refusal.ts'

export const DIMENSION_PROPERTY = 'frazil.dimension.'

/** A list of the stream. */
export interface ListField {
  /** Depth-first index of the Arrow field. */
  readonly index: number
  readonly path: string
  /** Undefined when each row may have its own. */
  readonly dimension: number | undefined
}

/** A list whose every row must have this many elements. */
export interface VectorField extends ListField {
  readonly dimension: number
}

interface VectorTable {
  /** As it is to be. */
  readonly schema: Schema
  /** As it was, and before that; a property may have the name of then. */
  readonly schemas: readonly Schema[]
  readonly properties: Readonly<Record<string, string>>
  readonly fieldIds: readonly number[]
}

/** Dimension of a list column, if one is remembered. */
function dimensionOf({ schema, schemas, properties }: VectorTable, id: number): number | undefined {
  if (!Object.keys(properties).some((name) => name.startsWith(DIMENSION_PROPERTY))) return undefined
  for (const known of [schema, ...schemas.toReversed()]) {
    const path = positionById(known, id)?.path
    const name = `${DIMENSION_PROPERTY}${path}`
    if (path === undefined || !Object.hasOwn(properties, name)) continue
    const value = properties[name] as string
    return /^\d{1,10}$/.test(value) ? Number(value) : undefined
  }
  return undefined
}

/** The property that remembers a list column's dimension. */
export function dimensionProperty(schema: Schema, id: number): string {
  return `${DIMENSION_PROPERTY}${positionById(schema, id)?.path}`
}

/**
 * What each batch has to be looked at for: lists of any length that go where vectors are.
 *
 * @throws RefusedError when the column holds vectors of another dimension.
 */
export function checkDimension(
  { index, path, dimension }: ListField,
  table: VectorTable,
): VectorField | undefined {
  const id = table.fieldIds[index] as number
  const expected = dimensionOf(table, id)
  if (expected === undefined || expected === dimension) return undefined
  if (dimension === undefined) return { index, path, dimension: expected }
  throw new RefusedError({
    path,
    expected: `vectors of dimension ${expected}`,
    received: `vectors of dimension ${dimension}`,
    remedy: `send dimension ${expected}, or use another column; the table property ${dimensionProperty(table.schema, id)} says so`,
  })
}
