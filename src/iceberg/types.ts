/**
 * Table metadata as values, in the specification's own names (Iceberg spec, "Table Metadata and
 * Snapshots"). JSON field names are kept in kebab-case, so that they compare by eye. Every int64
 * that is an identity (snapshot id, sequence number, row id) is a `bigint`, without exception;
 * milliseconds and sizes are safe integers and stay numbers.
 */

export type PrimitiveType =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'timestamp_ns'
  | 'timestamptz_ns'
  | 'string'
  | 'uuid'
  | 'binary'
  | 'unknown'
  | `decimal(${number}, ${number})`
  | `fixed[${number}]`

export interface StructType {
  readonly type: 'struct'
  readonly fields: readonly NestedField[]
}

export interface ListType {
  readonly type: 'list'
  readonly 'element-id': number
  readonly element: Type
  readonly 'element-required': boolean
}

export interface MapType {
  readonly type: 'map'
  readonly 'key-id': number
  readonly key: Type
  readonly 'value-id': number
  readonly value: Type
  readonly 'value-required': boolean
}

export type Type = PrimitiveType | StructType | ListType | MapType

export interface NestedField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: Type
  readonly doc?: string
  readonly 'initial-default'?: unknown
  readonly 'write-default'?: unknown
}

export interface Schema extends StructType {
  readonly 'schema-id': number
  readonly 'identifier-field-ids'?: readonly number[]
}

/** `identity`, `bucket[N]`, `truncate[W]`, `year`, `month`, `day`, `hour`, `void`, or unknown to us. */
export type Transform = string

export interface PartitionField {
  readonly 'source-id': number
  readonly 'field-id': number
  readonly name: string
  readonly transform: Transform
}

export interface PartitionSpec {
  readonly 'spec-id': number
  readonly fields: readonly PartitionField[]
}

export interface SortField {
  readonly transform: Transform
  readonly 'source-id': number
  readonly direction: 'asc' | 'desc'
  readonly 'null-order': 'nulls-first' | 'nulls-last'
}

export interface SortOrder {
  readonly 'order-id': number
  readonly fields: readonly SortField[]
}

export interface Snapshot {
  readonly 'snapshot-id': bigint
  readonly 'parent-snapshot-id'?: bigint
  readonly 'sequence-number': bigint
  readonly 'timestamp-ms': number
  readonly 'manifest-list': string
  readonly summary: { readonly operation: string } & Readonly<Record<string, string>>
  readonly 'schema-id'?: number
  readonly 'first-row-id'?: bigint
  readonly 'added-rows'?: bigint
}

export interface SnapshotRef {
  readonly 'snapshot-id': bigint
  readonly type: 'branch' | 'tag'
  readonly 'max-ref-age-ms'?: number
  readonly 'max-snapshot-age-ms'?: number
  readonly 'min-snapshots-to-keep'?: number
}

/** Members that we do not know are kept as they came, so that a rewrite loses nothing. */
export interface TableMetadata {
  readonly 'format-version': 1 | 2 | 3
  readonly 'table-uuid': string
  readonly location: string
  readonly 'last-sequence-number': bigint
  readonly 'last-updated-ms': number
  readonly 'last-column-id': number
  readonly schemas: readonly Schema[]
  readonly 'current-schema-id': number
  readonly 'partition-specs': readonly PartitionSpec[]
  readonly 'default-spec-id': number
  readonly 'last-partition-id': number
  readonly properties: Readonly<Record<string, string>>
  /** Undefined when there is none, however the JSON said it (absent, null, -1). */
  readonly 'current-snapshot-id': bigint | undefined
  readonly snapshots: readonly Snapshot[]
  readonly 'snapshot-log': readonly {
    readonly 'timestamp-ms': number
    readonly 'snapshot-id': bigint
  }[]
  readonly 'metadata-log': readonly {
    readonly 'timestamp-ms': number
    readonly 'metadata-file': string
  }[]
  readonly 'sort-orders': readonly SortOrder[]
  readonly 'default-sort-order-id': number
  readonly refs: Readonly<Record<string, SnapshotRef>>
  readonly statistics: readonly unknown[]
  readonly 'partition-statistics': readonly unknown[]
  readonly 'next-row-id'?: bigint
}

/** A partition value or a bound before serialization. Dates are days, times and timestamps µs. */
export type Value = boolean | number | bigint | string | Uint8Array

/** One Parquet file as a manifest knows it (spec, `data_file`). Metrics are keyed by field id. */
export interface DataFile {
  readonly filePath: string
  /** One value for each field of the spec, in its order. */
  readonly partition: readonly (Value | null)[]
  readonly recordCount: bigint
  readonly fileSizeInBytes: bigint
  readonly columnSizes: ReadonlyMap<number, bigint>
  readonly valueCounts: ReadonlyMap<number, bigint>
  readonly nullValueCounts: ReadonlyMap<number, bigint>
  readonly nanValueCounts: ReadonlyMap<number, bigint>
  /** Single-value serialization (spec, Appendix D), already truncated. */
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>
  readonly upperBounds: ReadonlyMap<number, Uint8Array>
  readonly splitOffsets: readonly bigint[]
  readonly sortOrderId: number | undefined
}
