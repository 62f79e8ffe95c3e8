/**
 * Slots whose value is outside a range.
 *
 * Promises: exact for every width; a value far from the bounds costs no `bigint`. Null slots may
 * hold anything.
 */
import { bitAt } from './bits.ts'
import { int32View } from './buffers.ts'
import type { ArrowType } from './schema.ts'
import type { ValueRange } from './transform-ranges.ts'

const WORD = 2 ** 32
/** Doubles are compared with this much doubt; closer values are compared exactly. */
const DOUBT = 1e-12

interface Values {
  readonly type: ArrowType
  readonly length: number
  readonly validity: Uint8Array | undefined
  readonly bytes: Uint8Array
}

type Test = (slot: number) => boolean

/** For slots of integers of 32 bits or more, decimals and instants: is its value outside? */
export function outsideTest(
  { type, length, bytes }: Omit<Values, 'validity'>,
  range: ValueRange,
): Test {
  const perValue = wordsPerValue(type)
  const words = int32View(bytes, length * perValue)
  const least = Number(range.min)
  const greatest = Number(range.max)
  const surelyMin = least + Math.abs(least) * DOUBT
  const surelyMax = greatest - Math.abs(greatest) * DOUBT
  return (slot) => {
    const last = slot * perValue + perValue - 1
    let value = words[last] as number
    for (let at = last - 1; at > last - perValue; at--) {
      value = value * WORD + ((words[at] as number) >>> 0)
    }
    if (value > surelyMin && value < surelyMax) return false
    const exact = exactly(words, last - perValue + 1, last)
    return exact < range.min || exact > range.max
  }
}

/** A byte for each slot, 1 where it is outside; undefined when none is. */
export function markOutside(values: Values, range: ValueRange): Uint8Array | undefined {
  const { length, validity } = values
  const isOutside = outsideTest(values, range)
  let marks: Uint8Array | undefined
  for (let slot = 0; slot < length; slot++) {
    if ((validity && !bitAt(validity, slot)) || !isOutside(slot)) continue
    marks ??= new Uint8Array(length)
    marks[slot] = 1
  }
  return marks
}

function wordsPerValue(type: ArrowType): number {
  if (type.kind === 'decimal') return type.bits / 32
  return type.kind === 'int' ? type.bits / 32 : 2
}

function exactly(words: Int32Array, first: number, last: number): bigint {
  let value = BigInt(words[last] as number)
  for (let at = last - 1; at >= first; at--) {
    value = (value << 32n) | BigInt((words[at] as number) >>> 0)
  }
  return value
}
