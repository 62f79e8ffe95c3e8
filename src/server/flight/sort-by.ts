/**
 * Pure: how a caller writes one sort field, in SQL's words → in Iceberg's.
 *
 *     ts                    ascending, nulls first
 *     ts desc               descending, nulls last
 *     day(ts) desc nulls first
 *
 * What is sorted by is written as a partition field is.
 */
import { ServiceError } from '../../errors.ts'
import { type PartitionBy, parsePartition } from './partition-by.ts'

export interface SortBy extends PartitionBy {
  readonly direction: 'asc' | 'desc'
  readonly nullOrder: 'nulls-first' | 'nulls-last'
}

const NULLS = /\s+nulls\s+(first|last)$/i
const DIRECTION = /\s+(asc|desc)$/i

/** @throws ServiceError `invalid`, with the text and what would be understood. */
export function parseSort(text: string): SortBy {
  const whole = text.trim()
  const [nullsPart = '', nulls] = NULLS.exec(whole) ?? []
  const directed = whole.slice(0, whole.length - nullsPart.length)
  const [directionPart = '', word = 'asc'] = DIRECTION.exec(directed) ?? []
  const key = directed.slice(0, directed.length - directionPart.length)
  const direction = word.toLowerCase() === 'desc' ? 'desc' : 'asc'
  // As Iceberg's own clients have it: nulls count as less than any value.
  const first = nulls === undefined ? direction === 'asc' : nulls.toLowerCase() === 'first'
  return { ...parseKey(key, text), direction, nullOrder: first ? 'nulls-first' : 'nulls-last' }
}

function parseKey(key: string, text: string): PartitionBy {
  try {
    return parsePartition(key)
  } catch (cause) {
    throw new ServiceError(
      'invalid',
      `sort field ${JSON.stringify(text.slice(0, 80))} is not understood: write a column or a transform of one, then asc or desc, then nulls first or nulls last, such as "ts desc nulls last"`,
      { cause },
    )
  }
}
