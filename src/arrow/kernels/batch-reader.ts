/**
 * Walks the nodes and buffers of a record batch in the order in which fields ask for them.
 *
 * Promises: a buffer is a view within the body, or an error.
 * Does not know: fields, types, compression.
 */
import type { BatchHeader } from '../message.ts'

const EMPTY = new Uint8Array(0)

export interface BatchReader {
  /** Rows of the next node. */
  node(): { readonly length: number }
  buffer(): Uint8Array
  /** The data buffers of a view column. */
  variadic(): Uint8Array[]
}

/** The reader's methods throw RangeError for what is missing or lies outside the body. */
export function batchReader(batch: BatchHeader, body: Uint8Array): BatchReader {
  let nodes = 0
  let buffers = 0
  let variadics = 0
  const buffer = (): Uint8Array => {
    const start = batch.buffers[buffers * 2]
    const length = batch.buffers[buffers * 2 + 1]
    buffers += 1
    // Some writers leave any offset on an empty buffer.
    if (length === 0) return EMPTY
    if (start === undefined || length === undefined || start + length > body.length) {
      throw new RangeError('a buffer of the record batch is missing or lies outside the body')
    }
    return body.subarray(start, start + length)
  }
  return {
    node: () => {
      const length = batch.nodes[nodes * 2]
      nodes += 1
      if (length === undefined) throw new RangeError('a record batch has too few nodes')
      return { length }
    },
    buffer,
    variadic: () => Array.from({ length: batch.variadicCounts[variadics++] ?? 0 }, buffer),
  }
}
