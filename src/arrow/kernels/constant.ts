/** A column that has one value in every row. */
import { serializeValue } from '../../iceberg/bounds.ts'
import { decimalOf } from '../../iceberg/primitive.ts'
import type { PrimitiveType, Value } from '../../iceberg/types.ts'
import { filledBitmap } from './bits.ts'
import { primitiveLayout } from './cast.ts'
import type { Column } from './column.ts'

const OFFSET_MAX = 2 ** 31 - 1

/** @throws RangeError when the values together are longer than 32-bit offsets reach. */
export function constantColumn(type: PrimitiveType, value: Value, length: number): Column {
  const layout = primitiveLayout(type)
  const common = { length, nullCount: 0, validity: undefined }
  if (layout.kind === 'bits') {
    const all = filledBitmap(length)
    return { ...common, kind: 'bits', values: value === true ? all : all.fill(0) }
  }
  const bytes = decimalOf(type) ? littleEndian(value as bigint) : serializeValue(type, value)
  if (bytes.length * length > OFFSET_MAX) {
    throw new RangeError(`a default of ${bytes.length} bytes in ${length} rows is too much at once`)
  }
  const values = new Uint8Array(bytes.length * length)
  for (let row = 0; row < length; row++) values.set(bytes, row * bytes.length)
  if (layout.kind !== 'bytes') return { ...common, kind: 'fixed', width: bytes.length, values }
  const offsets = Int32Array.from({ length: length + 1 }, (_, row) => row * bytes.length)
  return { ...common, kind: 'bytes', offsets, values }
}

function littleEndian(value: bigint): Uint8Array {
  const words = BigInt64Array.of(BigInt.asIntN(64, value), value >> 64n)
  return new Uint8Array(words.buffer)
}
