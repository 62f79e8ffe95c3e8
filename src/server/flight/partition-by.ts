/**
 * Pure: how a caller writes one partition field → column and transform, in Iceberg's words.
 *
 *     region                 identity          day(ts), days(ts)      day
 *     bucket(16, id)         bucket[16]        truncate(4, name)      truncate[4]
 *
 * Whether the column exists and the transform fits its type is for the table to say.
 */
import { ServiceError } from '../../errors.ts'

export interface PartitionBy {
  readonly column: string
  readonly transform: string
}

const CALL = /^([A-Za-z]+)\((.+)\)$/s
const NUMBERED = /^\s*([1-9]\d{0,8})\s*,\s*(.+)$/s

/** @throws ServiceError `invalid`, with the text and what would be understood. */
export function parsePartition(text: string): PartitionBy {
  const call = CALL.exec(text.trim())
  if (call === null) return { column: checkColumn(text.trim(), text), transform: 'identity' }
  const [, name = '', rest = ''] = call
  switch (name.toLowerCase()) {
    case 'identity':
    case 'void':
      return { column: checkColumn(rest.trim(), text), transform: name.toLowerCase() }
    case 'year':
    case 'years':
    case 'month':
    case 'months':
    case 'day':
    case 'days':
    case 'hour':
    case 'hours':
      return {
        column: checkColumn(rest.trim(), text),
        transform: name.toLowerCase().replace(/s$/, ''),
      }
    case 'bucket':
    case 'truncate': {
      const [, width, column] = NUMBERED.exec(rest) ?? []
      if (width === undefined || column === undefined) throw notUnderstood(text)
      return {
        column: checkColumn(column.trim(), text),
        transform: `${name.toLowerCase()}[${width}]`,
      }
    }
    default:
      throw notUnderstood(text)
  }
}

function checkColumn(column: string, text: string): string {
  if (column.length === 0) throw notUnderstood(text)
  return column
}

function notUnderstood(text: string): ServiceError {
  return new ServiceError(
    'invalid',
    `partition field ${JSON.stringify(text.slice(0, 80))} is not understood: write a column, or year, month, day, hour, bucket or truncate of one, such as "day(ts)" or "bucket(16, id)"`,
  )
}
