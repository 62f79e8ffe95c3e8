/**
 * Hands out the nodes and buffers of one batch, in the order of the layout.
 *
 * Promises: every buffer lies inside the body, and all buffers together are no larger than the
 * body, so that no byte is paid for twice; at the end nothing is left over.
 */
import { ServiceError } from '../errors.ts'
import { invalid } from './buffers.ts'
import type { BatchHeader } from './message.ts'

export interface NodeHeader {
  readonly length: number
  /** -1: not counted by the writer. */
  readonly nulls: number
}

export class BatchReader {
  readonly #header: BatchHeader
  readonly #body: Uint8Array
  #node = 0
  #buffer = 0
  #variadic = 0

  /** @throws ServiceError `invalid` when a buffer is outside the body or two overlap. */
  constructor(header: BatchHeader, body: Uint8Array) {
    this.#header = header
    this.#body = body
    checkBuffers(header.buffers, body.length)
    checkAlignment(header.buffers)
  }

  node(path: string): NodeHeader {
    const { nodes } = this.#header
    if (this.#node >= nodes.length) {
      throw invalid(path, `has no field node: the batch has only ${nodes.length / 2}`)
    }
    const length = nodes[this.#node] as number
    const nulls = nodes[this.#node + 1] as number
    this.#node += 2
    if (nulls > length) throw invalid(path, `states ${nulls} nulls in ${length} slots`)
    return { length, nulls }
  }

  /** A view of the next buffer, as long as the message says. */
  buffer(path: string): Uint8Array {
    const { buffers } = this.#header
    if (this.#buffer >= buffers.length) {
      throw invalid(path, `has no buffer: the batch has only ${buffers.length / 2}`)
    }
    const offset = buffers[this.#buffer] as number
    const length = buffers[this.#buffer + 1] as number
    this.#buffer += 2
    return length === 0 ? EMPTY : this.#body.subarray(offset, offset + length)
  }

  /** The next buffer, which must hold at least `bytes`. */
  bufferOf(bytes: number, path: string): Uint8Array {
    const buffer = this.buffer(path)
    if (buffer.length >= bytes) return buffer
    throw invalid(path, `needs a buffer of ${bytes} bytes, got ${buffer.length}`)
  }

  variadicCount(path: string): number {
    const { variadicCounts } = this.#header
    const count = variadicCounts[this.#variadic++]
    if (count === undefined) throw invalid(path, 'is a view without a count of its data buffers')
    return count
  }

  /** @throws ServiceError `invalid` when the batch has more than the schema asks for. */
  finish(): void {
    const { nodes, buffers, variadicCounts } = this.#header
    refuseRest('field nodes', this.#node / 2, nodes.length / 2)
    refuseRest('buffers', this.#buffer / 2, buffers.length / 2)
    refuseRest('view buffer counts', this.#variadic, variadicCounts.length)
  }
}

const ALIGNMENT = 8
const EMPTY = new Uint8Array(0)

function refuseRest(what: string, used: number, present: number): void {
  if (used === present) return
  throw new ServiceError(
    'invalid',
    `the record batch has ${present} ${what}, its schema asks for ${used}`,
  )
}

export function checkBuffers(buffers: Float64Array, bodyBytes: number): void {
  let total = 0
  for (let i = 0; i < buffers.length; i += 2) {
    const offset = buffers[i] as number
    const length = buffers[i + 1] as number
    // Some writers leave any offset on an empty buffer; nobody reads there.
    if (length > 0 && offset + length > bodyBytes) {
      throw new ServiceError(
        'invalid',
        `buffer ${i / 2} of the record batch is bytes ${offset} to ${offset + length}, its body has ${bodyBytes}`,
      )
    }
    total += length
  }
  if (total > bodyBytes) {
    throw new ServiceError(
      'invalid',
      `the buffers of the record batch overlap: ${total} bytes in a body of ${bodyBytes}`,
    )
  }
}

/** The format demands it, and readers that map 64-bit values in place rely on it. */
function checkAlignment(buffers: Float64Array): void {
  for (let i = 0; i < buffers.length; i += 2) {
    if ((buffers[i] as number) % ALIGNMENT === 0 || buffers[i + 1] === 0) continue
    throw new ServiceError(
      'invalid',
      `buffer ${i / 2} of the record batch begins at byte ${buffers[i]}, not at a multiple of ${ALIGNMENT}`,
    )
  }
}
