/**
 * Table properties that other writers obey and this one does not, each with the reason.
 *
 * A property is here when ignoring it in silence would leave its owner believing in something that
 * is not so. Properties that only read, maintain or tune other engines are nobody's problem.
 */

/** Undefined when the value asks for what happens anyway. */
type Limit = (value: string) => string | undefined

const PAGE_ROWS = '20000'

const LIMITS: Readonly<Record<string, Limit>> = {
  'write.format.default': unless('parquet', 'only Parquet is written'),
  'write.parquet.page-row-limit': unless(
    PAGE_ROWS,
    `the encoder (parquet-wasm) always ends a page after ${PAGE_ROWS} rows`,
  ),
  'write.parquet.compression-level': () =>
    'the encoder (parquet-wasm) cannot be told a level: zstd is written at level 1, gzip at 6',
  'write.parquet.page-version': unless('v1', 'data pages are written in version 1'),
  'write.object-storage.enabled': unless('false', 'data files are written below <location>/data'),
  'write.location-provider.impl': () => 'data files are written below <location>/data',
  'write.data.path': () => 'data files are written below <location>/data',
  'write.folder-storage.path': () => 'data files are written below <location>/data',
  'write.metadata.path': () => 'metadata is written below <location>/metadata',
}

const BLOOM_FILTER = 'write.parquet.bloom-filter-enabled.column.'

/** Names that mean something to a writer only once something else is on, or nothing to ours. */
const HARMLESS = [
  'write.parquet.bloom-filter-',
  'write.parquet.row-group-check-',
  'write.parquet.shred-variants',
  'write.parquet.variant-',
]

/** Below these every name is meant for this writer: one that is not known is a mistake. */
const OWN = ['write.parquet.', 'write.metadata.metrics.', 'frazil.commit.', 'frazil.parquet.']

/** Why the property has no effect; undefined when that is as its owner would expect. */
export function notObeyed(property: string, value: string): string | undefined {
  const limit = Object.hasOwn(LIMITS, property) ? LIMITS[property] : undefined
  if (limit !== undefined) return limit(value)
  if (property.startsWith(BLOOM_FILTER)) {
    return value.toLowerCase() === 'false'
      ? undefined
      : 'the encoder (parquet-wasm) cannot write bloom filters'
  }
  if (HARMLESS.some((prefix) => property.startsWith(prefix))) return undefined
  return OWN.some((prefix) => property.startsWith(prefix)) ? 'no such property is known' : undefined
}

function unless(expected: string, reason: string): Limit {
  return (value) => (value.toLowerCase() === expected ? undefined : reason)
}
