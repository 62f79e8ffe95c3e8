/** Bytes that fixed-width values need; 0 for layouts whose size stands in the data itself. */
import type { ArrowType } from './schema.ts'

const INTERVAL_BYTES = { 'year-month': 4, 'day-time': 8, 'month-day-nano': 16 } as const

export function byteWidth(type: ArrowType, slots: number): number {
  return type.kind === 'bool' ? Math.ceil(slots / 8) : bytesPerSlot(type) * slots
}

function bytesPerSlot(type: ArrowType): number {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'decimal':
    case 'time':
      return type.bits / 8
    case 'date':
      return type.unit === 'day' ? 4 : 8
    case 'timestamp':
    case 'duration':
      return 8
    case 'interval':
      return INTERVAL_BYTES[type.unit]
    case 'fixed-size-binary':
      return type.width
    default:
      return 0
  }
}
