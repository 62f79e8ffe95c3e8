/**
 * The Avro schema of manifests (Iceberg spec, "Manifests"), in the reference implementation's
 * order of fields. Only the partition record differs from one spec to another.
 */
import {
  type AvroSchema,
  avroName,
  intMapOf,
  listOf,
  optionalField,
  recordOf,
  requiredField,
  valueSchema,
} from './avro-schema.ts'
import { byFieldId } from './avro-values.ts'
import { partitionTypes } from './partition.ts'
import type { PartitionSpec, Schema } from './types.ts'

export const PARTITION_FIELD_ID = 102

/** The schema for files of this spec. @throws ServiceError `invalid` when the spec does not fit. */
export function manifestSchema(
  schema: Schema,
  spec: PartitionSpec,
  formatVersion: 2 | 3,
): AvroSchema {
  return entrySchema(partitionRecord(schema, spec), formatVersion)
}

function entrySchema(partition: AvroSchema, formatVersion: 2 | 3): AvroSchema {
  const dataFile = recordOf('r2', dataFileFields(partition, formatVersion))
  return recordOf('manifest_entry', [
    requiredField(0, 'status', 'int'),
    optionalField(1, 'snapshot_id', 'long'),
    optionalField(3, 'sequence_number', 'long'),
    optionalField(4, 'file_sequence_number', 'long'),
    requiredField(2, 'data_file', dataFile),
  ])
}

function dataFileFields(partition: AvroSchema, formatVersion: 2 | 3): AvroSchema[] {
  const from3 = (...fields: AvroSchema[]) => (formatVersion === 3 ? fields : [])
  return [
    requiredField(134, 'content', 'int'),
    requiredField(100, 'file_path', 'string'),
    requiredField(101, 'file_format', 'string'),
    requiredField(PARTITION_FIELD_ID, 'partition', partition),
    requiredField(103, 'record_count', 'long'),
    requiredField(104, 'file_size_in_bytes', 'long'),
    optionalField(108, 'column_sizes', intMapOf(117, 118, 'long')),
    optionalField(109, 'value_counts', intMapOf(119, 120, 'long')),
    optionalField(110, 'null_value_counts', intMapOf(121, 122, 'long')),
    optionalField(137, 'nan_value_counts', intMapOf(138, 139, 'long')),
    optionalField(125, 'lower_bounds', intMapOf(126, 127, 'bytes')),
    optionalField(128, 'upper_bounds', intMapOf(129, 130, 'bytes')),
    optionalField(131, 'key_metadata', 'bytes'),
    optionalField(132, 'split_offsets', listOf(133, 'long')),
    optionalField(135, 'equality_ids', listOf(136, 'int')),
    optionalField(140, 'sort_order_id', 'int'),
    ...from3(optionalField(142, 'first_row_id', 'long')),
    optionalField(143, 'referenced_data_file', 'string'),
    ...from3(
      optionalField(144, 'content_offset', 'long'),
      optionalField(145, 'content_size_in_bytes', 'long'),
    ),
  ]
}

/** Keys of decoded and encoded records; partition values are under `f<partition field id>`. */
export const manifestName = byFieldId(entrySchema(recordOf('r102', []), 3))

function partitionRecord(schema: Schema, spec: PartitionSpec): AvroSchema {
  const types = partitionTypes(schema, spec)
  const taken = new Set<string>()
  const fields = spec.fields.map((field, i) => {
    const id = field['field-id']
    const safe = avroName(field.name)
    const name = taken.has(safe) ? `${safe}_${id}` : safe
    taken.add(name)
    const avro = optionalField(id, name, valueSchema(types[i]!, id))
    return name === field.name ? avro : { ...(avro as object), 'iceberg-field-name': field.name }
  })
  return recordOf('r102', fields)
}
