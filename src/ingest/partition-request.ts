/** Pure: what a client asks for (`day` of column `ts`) as a partition spec of the new table. */
import { ServiceError } from '../errors.ts'
import { checkSpec, PARTITION_ID_FIRST } from '../iceberg/partition.ts'
import { fieldByPath } from '../iceberg/schema.ts'
import type { PartitionField, PartitionSpec, Schema } from '../iceberg/types.ts'

export interface PartitionRequest {
  readonly column: string
  /** `identity`, `day`, `bucket[16]`, … */
  readonly transform: string
}

/** @throws ServiceError `invalid`, naming the column that is missing or the transform that does not fit. */
export function partitionSpecFor(
  schema: Schema,
  requests: readonly PartitionRequest[],
): PartitionSpec {
  const fields = requests.map((request, i): PartitionField => {
    const source = fieldByPath(schema, request.column)
    if (source === undefined) {
      throw new ServiceError(
        'invalid',
        `cannot partition by ${request.column}: there is no such column`,
      )
    }
    return {
      'source-id': source.id,
      'field-id': PARTITION_ID_FIRST + i,
      name: partitionName(request),
      transform: request.transform,
    }
  })
  const spec = { 'spec-id': 0, fields }
  checkSpec(schema, spec)
  return spec
}

/** As Java and PyIceberg name them: the column itself, `ts_day`, `id_bucket`. */
function partitionName({ column, transform }: PartitionRequest): string {
  return transform === 'identity' ? column : `${column}_${transform.replace(/\[.*$/, '')}`
}
