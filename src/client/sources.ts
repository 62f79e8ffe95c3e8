/**
 * What a put may be given, told apart.
 *
 * Promises: a table of another copy of the Arrow library is refused: its types are not recognised
 * here, and it would be encoded wrongly without an error.
 */
import { RecordBatch, Table } from 'apache-arrow'
import { ServiceError } from '../errors.ts'
import type { EncodedBatch } from './frames.ts'
import type { ArrowPart, ArrowSource } from './options.ts'

export function partsOf(source: ArrowSource): Iterable<ArrowPart> | AsyncIterable<ArrowPart> {
  // Tables, batches and bytes are iterable themselves, by rows and by numbers.
  const isPart = isTable(source) || isBatch(source) || isEncoded(source) || isBytes(source)
  if (isPart || isForeign(source)) return [source as ArrowPart]
  return isIterable(source) ? source : [source]
}

/** @throws ServiceError `invalid` for anything but a table or a batch of this copy. */
export function checkArrow(part: unknown): void {
  if (isTable(part) || isBatch(part)) return
  const message = isForeign(part)
    ? 'this table comes from another copy of apache-arrow (npm ls apache-arrow): make it with the copy that frazil uses, or pass its IPC bytes instead: tableToIPC(table)'
    : `a put takes tables and record batches of apache-arrow or Arrow IPC bytes, not ${nameOf(part)}`
  throw new ServiceError('invalid', message)
}

export function isTable(part: unknown): part is Table {
  return isOurs(Table.prototype, part)
}

export function isEncoded(part: unknown): part is EncodedBatch {
  return hasMembers(part, 'dictionaries', 'batch')
}

export function isBytes(part: unknown): part is Uint8Array {
  return part instanceof Uint8Array
}

function isBatch(part: unknown): part is RecordBatch {
  return isOurs(RecordBatch.prototype, part)
}

/** A table or a batch by its shape, not by its class. */
function isForeign(part: unknown): boolean {
  return hasMembers(part, 'schema', 'batches') || hasMembers(part, 'schema', 'numRows', 'data')
}

/** Not `instanceof`: Arrow takes whatever another copy calls a table for one of its own. */
function isOurs(prototype: object, part: unknown): boolean {
  return Object.prototype.isPrototypeOf.call(prototype, Object(part))
}

function isIterable(part: unknown): part is Iterable<ArrowPart> | AsyncIterable<ArrowPart> {
  if (typeof part !== 'object' || part === null) return false
  return Symbol.iterator in part || Symbol.asyncIterator in part
}

function hasMembers(part: unknown, ...names: readonly string[]): boolean {
  return typeof part === 'object' && part !== null && names.every((name) => name in part)
}

function nameOf(part: unknown): string {
  return part === null ? 'null' : Array.isArray(part) ? 'an array' : typeof part
}
