/**
 * Vectors: lists of a fixed size, whose dimension Iceberg has no word for. It is remembered as the
 * table property `frazil.dimension.<column>`, so that a stream of another dimension is refused.
 */
import { positionById } from '../iceberg/schema.ts'
import type { Schema } from '../iceberg/types.ts'
import { RefusedError } from './refusal.ts'

export const DIMENSION_PROPERTY = 'frazil.dimension.'

export interface VectorField {
  /** Depth-first index of the Arrow field. */
  readonly index: number
  readonly path: string
  readonly dimension: number
}

export interface VectorTable {
  /** As it is to be. */
  readonly schema: Schema
  /** As it was, and before that; a property may have the name of then. */
  readonly schemas: readonly Schema[]
  readonly properties: Readonly<Record<string, string>>
  readonly fieldIds: readonly number[]
}

/** Dimension of a list column, if one is remembered. */
export function dimensionOf(
  { schema, schemas, properties }: Omit<VectorTable, 'fieldIds'>,
  id: number,
): number | undefined {
  for (const known of [schema, ...schemas.toReversed()]) {
    const path = positionById(known, id)?.path
    const name = `${DIMENSION_PROPERTY}${path}`
    if (path === undefined || !Object.hasOwn(properties, name)) continue
    const value = properties[name] as string
    return /^\d{1,10}$/.test(value) ? Number(value) : undefined
  }
  return undefined
}

/** The vector's column in Iceberg's path and its property. */
export function dimensionProperty(schema: Schema, id: number): string {
  return `${DIMENSION_PROPERTY}${positionById(schema, id)?.path}`
}

/** @throws RefusedError when the column holds vectors of another dimension. */
export function checkDimension({ index, path, dimension }: VectorField, table: VectorTable): void {
  const id = table.fieldIds[index] as number
  const expected = dimensionOf(table, id)
  if (expected === undefined || expected === dimension) return
  throw new RefusedError({
    path,
    expected: `vectors of dimension ${expected}`,
    received: `vectors of dimension ${dimension}`,
    remedy: `send dimension ${expected}, or use another column; the table property ${dimensionProperty(table.schema, id)} says so`,
  })
}
