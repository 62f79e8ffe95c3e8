/**
 * Values whose type promises more than its bits do: a decimal has no more digits than its
 * precision, a time of day is within a day, and instants still exist once they are in µs (dates
 * once they are in days). Whatever is written from them can then be read by everyone.
 *
 * Null slots may hold anything.
 */
import { bitAt } from './bits.ts'
import { int32View, invalid } from './buffers.ts'
import type { Column } from './column.ts'
import type { ArrowType, TimeUnit } from './schema.ts'

interface Slots extends Pick<Column, 'layout' | 'length' | 'validity'> {
  /** What instants become. */
  readonly stored: 'us' | 'ns'
}

const PER_SECOND: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }
const DAY_SECONDS = 86_400
const INT64_MAX = 2n ** 63n - 1n
const WORD = 2 ** 32
/** Doubles are compared with this much doubt; closer values are compared exactly. */
const DOUBT = 1e-12

/** `bytes` hold `slots.length` values of `type`. @throws ServiceError `invalid` naming the row. */
export function checkRange(type: ArrowType, bytes: Uint8Array, slots: Slots): void {
  switch (type.kind) {
    case 'time': {
      const max = DAY_SECONDS * PER_SECOND[type.unit] - 1
      return checkWords(bytes, slots, { words: type.bits / 32, min: 0, max })
    }
    case 'timestamp':
      return checkInstants(type.unit, bytes, slots)
    case 'date':
      if (type.unit === 'ms') {
        const max = 2 ** 31 * DAY_SECONDS * PER_SECOND.ms
        checkWords(bytes, slots, { words: 2, min: -max, max: max - 1 })
      }
      return undefined
    case 'decimal':
      return checkDecimal(type, bytes, slots)
    default:
      return undefined
  }
}

function checkInstants(unit: TimeUnit, bytes: Uint8Array, slots: Slots): void {
  const factor = PER_SECOND[slots.stored] / PER_SECOND[unit]
  if (factor <= 1) return
  // Doubles have no room for the digits of the limit itself: one more than it would pass for it.
  const exact = INT64_MAX / BigInt(factor)
  const max = Number(exact) > Number.MAX_SAFE_INTEGER ? doubleBelow(exact) : Number(exact)
  checkWords(bytes, slots, { words: 2, min: -max, max })
}

/** The largest double that is not above: the few values between it and the limit are refused. */
function doubleBelow(limit: bigint): number {
  let value = limit
  while (BigInt(Number(value)) > limit) value -= 1n
  return Number(value)
}

function checkWords(
  bytes: Uint8Array,
  slots: Slots,
  range: { words: number; min: number; max: number },
): void {
  const { length, validity, layout } = slots
  const { words: perValue, min, max } = range
  const words = int32View(bytes, length * perValue)
  for (let i = 0; i < length; i++) {
    const value =
      perValue === 1
        ? (words[i] as number)
        : (words[i * 2 + 1] as number) * WORD + ((words[i * 2] as number) >>> 0)
    if (value >= min && value <= max) continue
    if (validity && !bitAt(validity, i)) continue
    throw invalid(
      layout.path,
      `has ${value} in row ${i}, outside what ${layout.type.kind} can store`,
    )
  }
}

function checkDecimal(
  { bits, precision, scale }: Extract<ArrowType, { kind: 'decimal' }>,
  bytes: Uint8Array,
  slots: Slots,
): void {
  const { length, validity, layout } = slots
  const perValue = bits / 32
  const words = int32View(bytes, length * perValue)
  const max = 10 ** precision
  const surely = max * (1 - DOUBT)
  for (let i = 0; i < length; i++) {
    const last = i * perValue + perValue - 1
    let value = words[last] as number
    for (let at = last - 1; at > last - perValue; at--) {
      value = value * WORD + ((words[at] as number) >>> 0)
    }
    if (Math.abs(value) < surely) continue
    if (validity && !bitAt(validity, i)) continue
    if (isWithin(words.subarray(last - perValue + 1, last + 1), precision)) continue
    throw invalid(layout.path, `has more digits than decimal(${precision}, ${scale}) in row ${i}`)
  }
}

function isWithin(words: Int32Array, precision: number): boolean {
  let value = BigInt(words[words.length - 1] as number)
  for (let i = words.length - 2; i >= 0; i--) {
    value = (value << 32n) | BigInt((words[i] as number) >>> 0)
  }
  const max = 10n ** BigInt(precision)
  return value < max && value > -max
}
