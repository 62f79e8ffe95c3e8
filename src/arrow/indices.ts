/** Indices into dictionaries: inside them, and what they stand for. */
import { bitAt, setBit } from './bits.ts'
import { int32View, int64View, invalid } from './buffers.ts'
import type { Column, Indices } from './column.ts'
import type { DictionaryValues } from './dictionary-values.ts'
import type { ArrowType } from './schema.ts'

type Slots = Pick<Column, 'layout' | 'length' | 'validity'>

/** @throws ServiceError `invalid` for a slot with a value whose index is outside the dictionary. */
export function readIndices(slots: Slots, bytes: Uint8Array, count: number): Indices {
  const { layout, length, validity } = slots
  const indices = indexView(layout.type, bytes, slots)
  for (let i = 0; i < length; i++) {
    const index = indices[i] as number
    if (index >= 0 && index < count) continue
    if (validity && !bitAt(validity, i)) continue
    throw invalid(
      layout.path,
      `has index ${index} in row ${i}; dictionary ${layout.dictionary} has ${count} values`,
    )
  }
  return indices
}

/** Bytes of the values that the indices stand for. */
export function expandedBytes(slots: Slots, values: DictionaryValues, indices: Indices): number {
  let total = 0
  for (let i = 0; i < slots.length; i++) {
    if (slots.validity && !bitAt(slots.validity, i)) continue
    total += values.sizeOf(indices[i] as number)
  }
  return total
}

/** Validity and null count when a value of the dictionary that is null counts as null. */
export function nullsThrough(
  slots: Slots,
  values: DictionaryValues,
  indices: Indices,
): Pick<Column, 'nulls' | 'validity'> {
  const validity = new Uint8Array(Math.ceil(slots.length / 8))
  let nulls = 0
  for (let i = 0; i < slots.length; i++) {
    const isNull =
      (slots.validity && !bitAt(slots.validity, i)) || values.isNull(indices[i] as number)
    if (isNull) nulls++
    else setBit(validity, i)
  }
  return { nulls, validity: nulls === 0 ? undefined : validity }
}

/** One more than the highest index of a slot with a value. */
export function indexEnd(slots: Slots, indices: Indices): number {
  let end = 0
  for (let i = 0; i < slots.length; i++) {
    const index = indices[i] as number
    if (index >= end && (!slots.validity || bitAt(slots.validity, i))) end = index + 1
  }
  return end
}

function indexView(type: ArrowType, bytes: Uint8Array, { length, layout }: Slots): Indices {
  if (type.kind !== 'int') throw invalid(layout.path, 'is indexed by something else than integers')
  const { buffer, byteOffset } = bytes
  switch (type.bits) {
    case 8:
      return type.signed
        ? new Int8Array(buffer, byteOffset, length)
        : new Uint8Array(buffer, byteOffset, length)
    case 16: {
      const { buffer, byteOffset } = aligned(bytes, length * 2, 2)
      return type.signed
        ? new Int16Array(buffer, byteOffset, length)
        : new Uint16Array(buffer, byteOffset, length)
    }
    case 32: {
      const words = int32View(bytes, length)
      return type.signed ? words : new Uint32Array(words.buffer, words.byteOffset, length)
    }
    default:
      return int64View(bytes, length, layout.path)
  }
}

function aligned(bytes: Uint8Array, length: number, align: number): Uint8Array {
  return bytes.byteOffset % align === 0 ? bytes : new Uint8Array(bytes.subarray(0, length))
}
