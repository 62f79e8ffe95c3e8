/** Which primitive types fit into which: the widenings that Iceberg allows, and no other. */
import type { PrimitiveType } from '../iceberg/types.ts'

export type Fit =
  | { readonly kind: 'same' }
  /** Values are cast up when they are written. */
  | { readonly kind: 'narrower' }
  /** The column must become `type` first. */
  | { readonly kind: 'wider'; readonly type: PrimitiveType }
  | { readonly kind: 'incompatible' }

const WIDENINGS: Readonly<Record<string, string>> = { int: 'long', float: 'double' }
const DECIMAL = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/

export function fit(column: PrimitiveType, incoming: PrimitiveType): Fit {
  if (column === incoming) return { kind: 'same' }
  if (WIDENINGS[incoming] === column) return { kind: 'narrower' }
  if (WIDENINGS[column] === incoming) return { kind: 'wider', type: incoming }
  if (column === `${incoming}_ns`) return { kind: 'narrower' }
  // Writers that do not know the uuid extension send its 16 bytes.
  if (column === 'uuid' && incoming === 'fixed[16]') return { kind: 'narrower' }
  const [from, to] = [DECIMAL.exec(column), DECIMAL.exec(incoming)]
  if (!from || !to || from[2] !== to[2]) return { kind: 'incompatible' }
  const difference = Number(to[1]) - Number(from[1])
  if (difference === 0) return { kind: 'same' }
  return difference < 0 ? { kind: 'narrower' } : { kind: 'wider', type: incoming }
}
