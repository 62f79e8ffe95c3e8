/** Small conversions between our values and those of Avro records. */
import { ServiceError } from '../errors.ts'
import type { AvroSchema } from './avro-schema.ts'

/** The names that our schema gives to its fields, by id; an id that it has not becomes `f<id>`. */
export function byFieldId(schema: AvroSchema): (fieldId: number) => string {
  const names = new Map<number, string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const node = value as Readonly<Record<string, unknown>>
    if (typeof node['field-id'] === 'number') names.set(node['field-id'], String(node['name']))
    for (const member of Object.values(node)) visit(member)
  }
  visit(schema)
  return (fieldId) => names.get(fieldId) ?? `f${fieldId}`
}

/** A view for Avro, which takes bytes as Buffer only; null for none. */
export function asBuffer(bytes: Uint8Array | undefined): Buffer | null {
  if (bytes === undefined) return null
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function readBytes(value: unknown, path: string): Uint8Array {
  if (value instanceof Uint8Array) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  throw new ServiceError('invalid', `${path} is not bytes`)
}
