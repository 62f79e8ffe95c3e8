/**
 * Schemas out of JSON, and what the specification asks of a schema as a whole. Members that are
 * not known here stay on the objects, so that writing the schema again loses nothing.
 */
import { ServiceError } from '../errors.ts'
import {
  compact,
  type JsonObject,
  optional,
  readBoolean,
  readEach,
  readInt,
  readObject,
  readString,
} from './json-reader.ts'
import { parsePrimitive } from './primitive.ts'
import { allFields, FIELD_ID_MAX, isPrimitive, positionById } from './schema.ts'
import type { ListType, MapType, NestedField, Schema, StructType, Type } from './types.ts'

/** Types nested deeper are refused, so that a hostile schema cannot exhaust the stack. */
export const TYPE_DEPTH_MAX = 100

const NOT_BEFORE_V3 = new Set<Type>(['timestamp_ns', 'timestamptz_ns', 'unknown'])

/** @throws ServiceError `invalid` naming the path; `unsupported` for a type that is not offered. */
export function parseSchema(value: unknown, path = 'schema'): Schema {
  const json = readObject(value, path)
  return compact({
    ...parseStruct(json, path, 0),
    'schema-id': optional(json['schema-id'], `${path}.schema-id`, readInt) ?? 0,
    'identifier-field-ids': optional(
      json['identifier-field-ids'],
      `${path}.identifier-field-ids`,
      (ids, idsPath) => readEach(ids, idsPath, readInt),
    ),
  }) as Schema
}

export function parseType(value: unknown, path: string, depth = 0): Type {
  if (typeof value === 'string') return parsePrimitive(value)
  if (depth >= TYPE_DEPTH_MAX) {
    throw new ServiceError('invalid', `${path} is nested deeper than ${TYPE_DEPTH_MAX} levels`)
  }
  const json = readObject(value, path)
  switch (json['type']) {
    case 'struct':
      return parseStruct(json, path, depth)
    case 'list':
      return parseList(json, path, depth)
    case 'map':
      return parseMap(json, path, depth)
    default:
      throw new ServiceError('invalid', `${path}.type is neither struct, list nor map`)
  }
}

/**
 * The first rule that the schema breaks: ids unique and in range, names unique in their struct,
 * types known to the format version, identifier fields required and scalar.
 */
export function schemaDefect(schema: Schema, formatVersion: number): string | undefined {
  const ids = new Set<number>()
  for (const { field, path } of allFields(schema)) {
    if (field.id < 1 || field.id > FIELD_ID_MAX) {
      return `field ${path} has id ${field.id}, outside 1 to ${FIELD_ID_MAX}`
    }
    if (ids.has(field.id)) return `field ${path} has id ${field.id}, which another field has too`
    ids.add(field.id)
    if (formatVersion < 3 && isPrimitive(field.type) && NOT_BEFORE_V3.has(field.type)) {
      return `field ${path} has type ${field.type}, which needs format version 3`
    }
    if (field.required && field.type === 'unknown') {
      return `field ${path} is required and of unknown type, which is always null`
    }
    const name = repeatedName(field.type)
    if (name !== undefined) return `field ${path} has two fields named ${JSON.stringify(name)}`
  }
  const name = repeatedName(schema)
  if (name !== undefined) return `the schema has two fields named ${JSON.stringify(name)}`
  return identifierDefect(schema)
}

function identifierDefect(schema: Schema): string | undefined {
  for (const id of schema['identifier-field-ids'] ?? []) {
    const position = positionById(schema, id)
    if (position === undefined) return `identifier field id ${id} is not in the schema`
    const { field, isRepeated, path } = position
    if (typeof field.type !== 'string') return `identifier field ${path} is not a primitive`
    if (!field.required) return `identifier field ${path} is optional`
    if (isRepeated) return `identifier field ${path} is inside a list or a map`
    if (field.type === 'float' || field.type === 'double') {
      return `identifier field ${path} is a ${field.type}, whose values do not compare exactly`
    }
  }
  return undefined
}

function repeatedName(type: Type): string | undefined {
  if (typeof type === 'string' || type.type !== 'struct') return undefined
  const names = new Set<string>()
  for (const { name } of type.fields) {
    if (names.has(name)) return name
    names.add(name)
  }
  return undefined
}

function parseStruct(json: JsonObject, path: string, depth: number): StructType {
  const readField = (field: unknown, fieldPath: string) => parseField(field, fieldPath, depth + 1)
  return {
    ...json,
    type: 'struct',
    fields: readEach(json['fields'], `${path}.fields`, readField),
  }
}

function parseField(value: unknown, path: string, depth: number): NestedField {
  const json = readObject(value, path)
  const name = readString(json['name'], `${path}.name`)
  return compact({
    ...json,
    id: readInt(json['id'], `${path}.id`),
    name,
    required: readBoolean(json['required'], `${path}.required`),
    type: parseType(json['type'], `${path}.type`, depth),
    doc: optional(json['doc'], `${path}.doc`, readString),
  }) as NestedField
}

function parseList(json: JsonObject, path: string, depth: number): ListType {
  return {
    ...json,
    type: 'list',
    'element-id': readInt(json['element-id'], `${path}.element-id`),
    element: parseType(json['element'], `${path}.element`, depth + 1),
    'element-required': readBoolean(json['element-required'], `${path}.element-required`),
  }
}

function parseMap(json: JsonObject, path: string, depth: number): MapType {
  return {
    ...json,
    type: 'map',
    'key-id': readInt(json['key-id'], `${path}.key-id`),
    key: parseType(json['key'], `${path}.key`, depth + 1),
    'value-id': readInt(json['value-id'], `${path}.value-id`),
    value: parseType(json['value'], `${path}.value`, depth + 1),
    'value-required': readBoolean(json['value-required'], `${path}.value-required`),
  }
}
