/** Updates of schemas, partition specs and sort orders: what is equal is reused, not added twice. */
import { ServiceError } from '../errors.ts'
import { change, type Draft } from './draft.ts'
import {
  assignPartitionIds,
  checkSortOrder,
  checkSpec,
  isSameOrder,
  isSameSpec,
} from './partition.ts'
import { currentSchema, highestFieldId, isSameSchema } from './schema.ts'
import { schemaDefect } from './schema-json.ts'
import type { PartitionSpec, Schema, SortOrder } from './types.ts'

/** In an update: the one that the same request added last. */
const LAST_ADDED = -1

export function addSchema(draft: Draft, schema: Schema): Draft {
  const { metadata } = draft
  const equal = metadata.schemas.find((known) => isSameSchema(known, schema))
  if (equal !== undefined) return { ...draft, lastSchemaId: equal['schema-id'] }
  const defect = schemaDefect(schema, metadata['format-version'])
  if (defect !== undefined) throw new ServiceError('invalid', defect)
  const id = 1 + Math.max(...metadata.schemas.map((known) => known['schema-id']))
  const next = {
    ...metadata,
    schemas: [...metadata.schemas, { ...schema, 'schema-id': id }],
    'last-column-id': Math.max(metadata['last-column-id'], highestFieldId(schema)),
  }
  return { ...draft, metadata: next, lastSchemaId: id }
}

export function setCurrentSchema(draft: Draft, schemaId: number): Draft {
  const id = chosen(schemaId, draft.lastSchemaId, 'schema')
  const isKnown = draft.metadata.schemas.some((known) => known['schema-id'] === id)
  if (!isKnown) throw new ServiceError('invalid', `schema ${id} is not in the table`)
  return change(draft, 'current-schema-id', id)
}

export function addSpec(draft: Draft, spec: PartitionSpec): Draft {
  const { metadata } = draft
  const specs = metadata['partition-specs']
  const equal = specs.find((known) => isSameSpec(known, spec))
  if (equal !== undefined) return { ...draft, lastSpecId: equal['spec-id'] }
  const assigned = assignPartitionIds(spec, specs, metadata['last-partition-id'])
  checkSpec(currentSchema(metadata), assigned.spec)
  const id = 1 + Math.max(...specs.map((known) => known['spec-id']))
  const next = {
    ...metadata,
    'partition-specs': [...specs, { ...assigned.spec, 'spec-id': id }],
    'last-partition-id': assigned.lastPartitionId,
  }
  return { ...draft, metadata: next, lastSpecId: id }
}

export function setDefaultSpec(draft: Draft, specId: number): Draft {
  const id = chosen(specId, draft.lastSpecId, 'spec')
  const isKnown = draft.metadata['partition-specs'].some((known) => known['spec-id'] === id)
  if (!isKnown) throw new ServiceError('invalid', `spec ${id} is not in the table`)
  return change(draft, 'default-spec-id', id)
}

export function addOrder(draft: Draft, order: SortOrder): Draft {
  const { metadata } = draft
  const orders = metadata['sort-orders']
  const equal = orders.find((known) => isSameOrder(known, order))
  if (equal !== undefined) return { ...draft, lastOrderId: equal['order-id'] }
  checkSortOrder(currentSchema(metadata), order)
  // 0 is kept for the order without fields.
  const highest = Math.max(0, ...orders.map((known) => known['order-id']))
  const id = order.fields.length === 0 ? 0 : highest + 1
  const next = { ...metadata, 'sort-orders': [...orders, { ...order, 'order-id': id }] }
  return { ...draft, metadata: next, lastOrderId: id }
}

export function setDefaultOrder(draft: Draft, orderId: number): Draft {
  const id = chosen(orderId, draft.lastOrderId, 'sort order')
  const isKnown = draft.metadata['sort-orders'].some((known) => known['order-id'] === id)
  if (!isKnown) throw new ServiceError('invalid', `sort order ${id} is not in the table`)
  return change(draft, 'default-sort-order-id', id)
}

function chosen(id: number, lastAdded: number | undefined, what: string): number {
  if (id !== LAST_ADDED) return id
  if (lastAdded !== undefined) return lastAdded
  throw new ServiceError('invalid', `-1 means the last added ${what}, and none was added`)
}
