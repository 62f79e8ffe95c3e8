/** Table properties: which names are not free, and numbers out of their text. */
import { ServiceError } from '../errors.ts'

/** Names that stand for members of the metadata itself; storing one would contradict it. */
const RESERVED: ReadonlySet<string> = new Set([
  'format-version',
  'uuid',
  'snapshot-count',
  'current-snapshot-id',
  'current-snapshot-summary',
  'current-snapshot-timestamp-ms',
  'current-schema',
  'default-partition-spec',
  'default-sort-order',
])

/** @throws ServiceError `invalid` naming the property that is reserved or not a string. */
export function checkProperties(properties: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(properties)) {
    if (RESERVED.has(name)) {
      throw new ServiceError('invalid', `property ${name} is reserved and cannot be set`)
    }
    if (typeof value !== 'string') {
      throw new ServiceError('invalid', `the value of property ${name} is not a string`)
    }
  }
}

/** The property as a whole number of at least `min`, or the fallback when it is absent or not one. */
export function numberProperty(
  properties: Readonly<Record<string, string>>,
  name: string,
  { fallback, min }: { readonly fallback: number; readonly min: number },
): number {
  const text = Object.hasOwn(properties, name) ? properties[name] : undefined
  const value = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : fallback
  return Math.max(min, value)
}
