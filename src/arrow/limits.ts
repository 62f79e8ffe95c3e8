/** What untrusted Arrow bytes may cost. The `ingest` section of the configuration satisfies it. */
export interface ArrowLimits {
  /** Columns at every depth together. */
  readonly columnsMax: number
  readonly nestingMax: number
  readonly batchRowsMax: number
  /** Decompressed bytes of one batch, and what it grows to once views and dictionaries are read. */
  readonly batchBytesMax: number
  /** Decompressed bytes of one stream's dictionaries together. */
  readonly dictionaryBytesMax: number
}
