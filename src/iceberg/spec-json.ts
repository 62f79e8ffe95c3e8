/** Partition specs and sort orders out of JSON. */
import { ServiceError } from '../errors.ts'
import { readEach, readInt, readObject, readString } from './json-reader.ts'
import type { PartitionField, PartitionSpec, SortField, SortOrder } from './types.ts'

export function parsePartitionSpec(value: unknown, path = 'spec'): PartitionSpec {
  const json = readObject(value, path)
  return {
    ...json,
    'spec-id': readInt(json['spec-id'], `${path}.spec-id`),
    fields: parsePartitionFields(json['fields'], `${path}.fields`),
  }
}

/** The bare array, as it stands in the header of a manifest. */
export function parsePartitionFields(value: unknown, path: string): PartitionField[] {
  return readEach(value, path, parsePartitionField)
}

export function parseSortOrder(value: unknown, path = 'sort-order'): SortOrder {
  const json = readObject(value, path)
  return {
    ...json,
    'order-id': readInt(json['order-id'], `${path}.order-id`),
    fields: readEach(json['fields'], `${path}.fields`, parseSortField),
  }
}

function parsePartitionField(value: unknown, path: string): PartitionField {
  const json = readObject(value, path)
  return {
    ...json,
    'source-id': readInt(json['source-id'], `${path}.source-id`),
    'field-id': readInt(json['field-id'], `${path}.field-id`),
    name: readString(json['name'], `${path}.name`),
    transform: readString(json['transform'], `${path}.transform`),
  }
}

function parseSortField(value: unknown, path: string): SortField {
  const json = readObject(value, path)
  return {
    ...json,
    transform: readString(json['transform'], `${path}.transform`),
    'source-id': readInt(json['source-id'], `${path}.source-id`),
    direction: oneOf(json['direction'], `${path}.direction`, ['asc', 'desc']),
    'null-order': oneOf(json['null-order'], `${path}.null-order`, ['nulls-first', 'nulls-last']),
  }
}

function oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
  const text = readString(value, path)
  const found = allowed.find((name) => name === text)
  if (found !== undefined) return found
  throw new ServiceError(
    'invalid',
    `${path} is ${JSON.stringify(text)}; it can be ${allowed.join(' or ')}`,
  )
}
