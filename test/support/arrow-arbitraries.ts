/** Random Arrow schemas and data, written by apache-arrow. */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Map_,
  makeBuilder,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint32,
  Utf8,
  type Vector,
} from 'apache-arrow'
import * as fc from 'fast-check'

interface Shape {
  readonly type: DataType
  readonly value: fc.Arbitrary<unknown>
}

const plain: fc.Arbitrary<Shape> = fc.constantFrom<Shape>(
  { type: new Null(), value: fc.constant(null) },
  { type: new Bool(), value: fc.boolean() },
  { type: new Int8(), value: fc.integer({ min: -128, max: 127 }) },
  { type: new Int16(), value: fc.integer({ min: -9, max: 9 }) },
  { type: new Uint32(), value: fc.nat() },
  { type: new Int64(), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { type: new Float32(), value: fc.float() },
  { type: new Float64(), value: fc.double() },
  { type: new DateDay(), value: fc.date({ noInvalidDate: true }) },
  { type: new TimeMicrosecond(), value: fc.bigInt({ min: 0n, max: 86_399_999_999n }) },
  { type: new TimestampMicrosecond('UTC'), value: fc.nat() },
  { type: new Decimal(2, 9, 128), value: fc.constant(new Uint32Array([5, 0, 0, 0])) },
  { type: new Utf8(), value: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { type: new LargeUtf8(), value: fc.string({ unit: 'binary', maxLength: 20 }).map(whole) },
  { type: new Binary(), value: fc.uint8Array({ maxLength: 20 }) },
  { type: new FixedSizeBinary(3), value: fc.uint8Array({ minLength: 3, maxLength: 3 }) },
)

/** A type of its own each time: the library gives dictionaries their ids when they are made. */
const coded: fc.Arbitrary<Shape> = fc.boolean().map((isWide) => ({
  type: new Dictionary(new Utf8(), isWide ? new Int32() : new Int8()),
  value: fc.constantFrom('one', 'two', 'drei', ''),
}))

const leaf = fc.oneof({ arbitrary: plain, weight: 6 }, { arbitrary: coded, weight: 1 })

/** Lone surrogates cannot be written. */
function whole(text: string): string {
  return text.toWellFormed()
}

const shape: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    tie('shape').map(listOf),
    tie('shape').map(fixedListOf),
    tie('shape').map(mapOf),
    fc.array(tie('shape'), { minLength: 1, maxLength: 3 }).map(structOf),
  ),
})).shape

function listOf({ type, value }: Shape): Shape {
  return { type: new List(new Field('item', type, true)), value: fc.array(value, { maxLength: 4 }) }
}

function fixedListOf({ type, value }: Shape): Shape {
  return {
    type: new FixedSizeList(2, new Field('item', type, true)),
    value: fc.array(value, { minLength: 2, maxLength: 2 }),
  }
}

function mapOf({ type, value }: Shape): Shape {
  const entries = new Struct<{ key: DataType; value: DataType }>([
    new Field('key', new Utf8(), false),
    new Field('value', type, true),
  ])
  return {
    type: new Map_(new Field('entries', entries, false)),
    value: fc
      .uniqueArray(fc.string({ maxLength: 4 }), { maxLength: 3 })
      .chain((keys) =>
        fc
          .array(value, { minLength: keys.length, maxLength: keys.length })
          .map((values) => new Map(keys.map((key, i) => [key, values[i]]))),
      ),
  }
}

function structOf(shapes: readonly Shape[]): Shape {
  const fields = shapes.map(({ type }, i) => new Field(`f${i}`, type, true))
  const value = fc
    .tuple(...shapes.map((each) => each.value))
    .map((values) => Object.fromEntries(values.map((each, i) => [`f${i}`, each])))
  return { type: new Struct(fields), value }
}

/** A table of one batch with up to 20 rows and four columns. */
export const arrowTable: fc.Arbitrary<Table> = fc
  .tuple(fc.array(shape, { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: 20 }))
  .chain(([shapes, rows]) =>
    fc
      .tuple(
        ...shapes.map(({ value }) =>
          fc.array(fc.option(value, { freq: 4 }), { minLength: rows, maxLength: rows }),
        ),
      )
      .map((columns) => tableOf(shapes, columns, rows)),
  )

function tableOf(shapes: readonly Shape[], columns: unknown[][], rows: number): Table {
  const vectors = shapes.map(({ type }, i) => {
    const builder = makeBuilder({ type, nullValues: [null, undefined] })
    for (const value of columns[i] ?? []) builder.append(value)
    return builder.finish().toVector()
  })
  const schema = new Schema(shapes.map(({ type }, i) => new Field(`c${i}`, type, true)))
  const children = vectors.map((vector: Vector) => vector.data[0])
  if (rows === 0 || children.some((child) => child === undefined)) return new Table(schema)
  const columnsByName = Object.fromEntries(children.map((child, i) => [`c${i}`, child as never]))
  const batch = new RecordBatch(columnsByName)
  return new Table(new Schema(schema.fields), [new RecordBatch(schema, batch.data)])
}
