/**
 * What every ParquetEncoder must do: the suite runs on each implementation. Files are judged by
 * readers that are not ours, metrics by values computed naively.
 */
import { inspect } from 'node:util'
import { type DataType, Dictionary, Float64, Int32, Int64, Utf8 } from 'apache-arrow'
import { expect } from 'chai'
import { deserializeValue } from '../../src/iceberg/bounds.ts'
import type { NestedField, PartitionSpec, Schema, Type } from '../../src/iceberg/types.ts'
import type {
  EncodedFile,
  EncodeEntry,
  EncodeJob,
  EncodeSettings,
  ParquetEncoder,
} from '../../src/parquet/encoder.ts'
import {
  entriesFromColumns,
  entriesOf,
  fieldIdsOf,
  recordBatch,
  type TestColumn,
} from '../support/parquet-arrow.ts'
import { TYPE_CASES, type TypeCase } from '../support/parquet-cases.ts'
import {
  type DuckReader,
  hyparquetFooter,
  openDuckReader,
  plain,
} from '../support/parquet-readers.ts'

const SETTINGS: EncodeSettings = {
  compression: 'zstd',
  rowGroupRowsMax: 1_000,
  targetFileBytes: 64 * 1024 * 1024,
}
const UNPARTITIONED: PartitionSpec = { 'spec-id': 0, fields: [] }
const UNARRANGED: Pick<EncodeJob, 'partitionSpec' | 'sortOrder' | 'partitionsMax'> = {
  partitionSpec: UNPARTITIONED,
  sortOrder: undefined,
  partitionsMax: 100,
}
const ROWS = 19

const PATTERNS: Readonly<Record<string, (row: number) => boolean>> = {
  none: () => false,
  some: (row) => row % 3 === 1,
  all: () => true,
  leading: (row) => row < 9,
  trailing: (row) => row >= 9,
}

export function parquetEncoderContract(name: string, create: () => ParquetEncoder): void {
  describe(`${name} as a parquet encoder`, () => {
    let encoder: ParquetEncoder
    let reader: DuckReader

    before(async () => {
      encoder = create()
      reader = await openDuckReader()
    })

    after(async () => {
      await encoder.close()
      await reader.close()
    })

    const encode = async (
      schema: Schema,
      entries: readonly EncodeEntry[],
      more: {
        arrangement?: Partial<typeof UNARRANGED>
        settings?: Partial<EncodeSettings>
      } = {},
    ): Promise<readonly EncodedFile[]> => {
      const outcome = await encoder.encode({
        schema,
        entries,
        ...UNARRANGED,
        ...more.arrangement,
        settings: { ...SETTINGS, ...more.settings },
      })
      if (outcome.kind !== 'encoded') throw new Error(JSON.stringify(outcome))
      return outcome.files
    }

    const onlyFile = (files: readonly EncodedFile[]): EncodedFile => {
      expect(files).to.have.length(1)
      return files[0] as EncodedFile
    }

    describe('types', () => {
      for (const typeCase of TYPE_CASES) {
        it(`stores ${typeCase.name} with every pattern of nulls`, async () => {
          const { schema, columns, expected } = patterned(typeCase)
          const file = onlyFile(await encode(schema, entriesFromColumns(columns)))
          expect(await reader.rows(file.bytes)).to.deep.equal(expected)
          expectFieldIds(file.bytes, schema)
          expectMetrics(file, schema, expected)
        })
      }

      it('stores batches of one row, and slices', async () => {
        const kept = TYPE_CASES.filter(({ arrow }) => !(arrow instanceof Dictionary))
        // The library that writes the messages mistakes slices of views and of nulls.
        const sliceable = kept.filter(({ name }) => !/view|null/.test(name))
        for (const typeCase of sliceable) {
          const { schema, columns, expected } = patterned(typeCase)
          const whole = recordBatch(columns)
          const ids = columns.flatMap((column) => column.fieldIds)
          const entries = entriesOf([whole.slice(0, 1), whole.slice(5, 15)], ids)
          const file = onlyFile(await encode(schema, entries))
          const rows = [expected[0], ...expected.slice(5, 15)]
          expect(await reader.rows(file.bytes), typeCase.name).to.deep.equal(rows)
        }
      })

      it('annotates UUIDs, zoned timestamps and strings, at every depth', async () => {
        const wanted = [
          'uuid',
          'timestamp[ms] with a zone',
          'struct with an unknown and a missing field',
        ]
        const types: Record<string, string> = {}
        for (const typeCase of TYPE_CASES.filter(({ name }) => wanted.includes(name))) {
          const { schema, columns } = patterned(typeCase)
          const file = onlyFile(await encode(schema, entriesFromColumns(columns)))
          types[typeCase.name] = (await reader.types(file.bytes))['none'] as string
        }
        expect(types).to.deep.equal({
          uuid: 'UUID',
          'timestamp[ms] with a zone': 'TIMESTAMP WITH TIME ZONE',
          'struct with an unknown and a missing field':
            'STRUCT("inner" STRUCT(f DOUBLE, u UUID), n INTEGER, missing VARCHAR[])',
        })
      })

      it('names the groups of lists and maps as the Parquet format asks', async () => {
        const names: string[][] = []
        for (const wanted of ['list', 'map']) {
          const typeCase = TYPE_CASES.find(({ name }) => name === wanted) as TypeCase
          const { schema, columns } = patterned(typeCase)
          const file = onlyFile(await encode(schema, entriesFromColumns(columns)))
          const { schema: elements } = hyparquetFooter(file.bytes)
          names.push(elements.slice(2, wanted === 'list' ? 5 : 6).map((element) => element.name))
        }
        expect(names).to.deep.equal([
          ['none', 'list', 'element'],
          ['none', 'key_value', 'key', 'value'],
        ])
      })
    })

    describe('entries', () => {
      const schema = schemaOf([
        { id: 1, name: 'n', required: true, type: 'long' },
        { id: 2, name: 's', required: false, type: 'string' },
        { id: 3, name: 'x', required: false, type: 'double' },
      ])

      it('gives no file for no rows', async () => {
        const entries = entriesFromColumns([
          { name: 'n', type: new Int64(), fieldIds: [1], values: [] },
        ])
        expect(await encode(schema, entries)).to.deep.equal([])
        expect(await encode(schema, [])).to.deep.equal([])
      })

      it('puts entries of older and newer schemas into one file, in log order', async () => {
        const older = entriesFromColumns(
          [{ name: 'n', type: new Int32(), fieldIds: [1], nullable: false, values: [1, 2] }],
          1n,
        )
        const newer = entriesFromColumns(
          [
            { name: 'extra', type: new Utf8(), fieldIds: [-1], values: ['left', 'out'] },
            { name: 'x', type: new Float64(), fieldIds: [3], values: [0.5, null] },
            { name: 'n', type: new Int64(), fieldIds: [1], values: [3n, 4n] },
            { name: 'renamed', type: new Utf8(), fieldIds: [2], values: ['a', 'b'] },
          ],
          2n,
        )
        const file = onlyFile(await encode(schema, [...older, ...newer]))
        expect(await reader.rows(file.bytes)).to.deep.equal([
          { n: 1n, s: null, x: null },
          { n: 2n, s: null, x: null },
          { n: 3n, s: 'a', x: 0.5 },
          { n: 4n, s: 'b', x: null },
        ])
      })

      it('fills row groups across entries', async () => {
        const entries = Array.from({ length: 5 }, (_, i) => numbered(i * 30, 30)).flat()
        const file = onlyFile(await encode(schema, entries, { settings: { rowGroupRowsMax: 100 } }))
        const groups = hyparquetFooter(file.bytes).row_groups
        expect(groups.map((group) => group.num_rows)).to.deep.equal([100n, 50n])
        expect(file.splitOffsets[0]).to.equal(4n)
        expect(file.splitOffsets).to.have.length(2)
        expect(file.recordCount).to.equal(150n)
        expect(file.upperBounds.get(1)).to.deep.equal(int64(149n))
      })

      it('cuts files at about the target size and loses no row', async () => {
        const entries = Array.from({ length: 4 }, (_, i) => numbered(i * 20_000, 20_000)).flat()
        const targetFileBytes = 200_000
        const settings = { targetFileBytes, compression: 'uncompressed' as const }
        const files = await encode(schema, entries, { settings })
        expect(files.length).to.be.within(4, 16)
        for (const file of files) expect(file.bytes.length).to.be.below(targetFileBytes * 2)
        const rows = await reader.rows(...files.map((file) => file.bytes))
        expect(rows.map((row) => row['n'])).to.deep.equal(
          Array.from({ length: 80_000 }, (_, i) => BigInt(i)),
        )
      })

      it('writes with every codec', async () => {
        for (const compression of ['uncompressed', 'snappy', 'gzip', 'lz4_raw', 'zstd'] as const) {
          const file = onlyFile(
            await encode(schema, numbered(0, 10), { settings: { compression } }),
          )
          expect(await reader.rows(file.bytes), compression).to.have.length(10)
        }
      })

      it('names the entry that cannot be decoded', async () => {
        const entries = [...numbered(0, 3, 7n), ...numbered(3, 3, 8n), ...numbered(6, 3, 9n)]
        const broken = entries.map((entry) =>
          entry.sequence === 8n ? { ...entry, payload: entry.payload.slice(0, 40) } : entry,
        )
        const outcome = await encoder.encode({
          schema,
          entries: broken,
          ...UNARRANGED,
          settings: SETTINGS,
        })
        expect(outcome).to.include({ kind: 'undecodable', sequence: 8n })
      })

      it('names the entry with a null where the table requires a value', async () => {
        const bad = entriesFromColumns(
          [{ name: 'n', type: new Int64(), fieldIds: [1], values: [1n, null] }],
          9n,
        )
        const outcome = await encoder.encode({
          schema,
          entries: [...numbered(0, 3, 8n), ...bad],
          ...UNARRANGED,
          settings: SETTINGS,
        })
        expect(outcome).to.include({ kind: 'undecodable', sequence: 9n })
        expect(outcome).to.have.property('reason').that.includes('column n')
      })

      it('survives whatever bytes an entry holds', async () => {
        const [good] = numbered(0, 50, 1n) as [EncodeEntry]
        for (let i = 24; i < good.payload.length; i += 7) {
          const payload = new Uint8Array(good.payload)
          payload[i]! ^= 0xff
          const outcome = await encoder.encode({
            schema,
            entries: [{ ...good, payload }],
            ...UNARRANGED,
            settings: SETTINGS,
          })
          if (outcome.kind === 'undecodable') expect(outcome.sequence).to.equal(1n)
        }
        expect(await encode(schema, numbered(0, 2))).to.have.length(1)
      })
    })

    describe('partitions', () => {
      const schema = schemaOf([
        { id: 1, name: 'at', required: false, type: 'timestamptz' },
        { id: 2, name: 'who', required: false, type: 'string' },
        { id: 3, name: 'n', required: true, type: 'int' },
      ])
      const spec: PartitionSpec = {
        'spec-id': 1,
        fields: [
          { 'source-id': 1, 'field-id': 1000, name: 'at_day', transform: 'day' },
          { 'source-id': 2, 'field-id': 1001, name: 'who', transform: 'identity' },
        ],
      }
      const DAY = 86_400_000_000n
      const batch = (from: number, days: readonly (bigint | null)[], who: readonly unknown[]) =>
        entriesFromColumns([
          {
            name: 'at',
            type: TYPE_CASES.find(({ name }) => name === 'timestamp[us] with a zone')
              ?.arrow as DataType,
            fieldIds: [1],
            values: days.map((day) => day && day * DAY - 1n),
          },
          { name: 'who', type: new Utf8(), fieldIds: [2], values: who },
          { name: 'n', type: new Int32(), fieldIds: [3], values: days.map((_, i) => from + i) },
        ])

      it('gives each partition its own rows in log order, nulls too', async () => {
        const entries = [
          ...batch(0, [1n, 2n, 1n, null], ['a', 'a', 'b', 'a']),
          ...batch(4, [1n, 1n, 1n], ['a', 'a', 'a']),
          ...batch(7, [2n, null], ['a', null]),
        ]
        const files = await encode(schema, entries, { arrangement: { partitionSpec: spec } })
        const found = await Promise.all(
          files.map(async ({ partition, bytes }) => ({
            partition,
            rows: (await reader.rows(bytes)).map((row) => row['n']),
          })),
        )
        expect(found).to.deep.equal([
          { partition: [0, 'a'], rows: [0, 4, 5, 6] },
          { partition: [1, 'a'], rows: [1, 7] },
          { partition: [0, 'b'], rows: [2] },
          { partition: [null, 'a'], rows: [3] },
          { partition: [null, null], rows: [8] },
        ])
      })

      it('splits every layout', async () => {
        for (const typeCase of TYPE_CASES) {
          const { schema, columns, expected } = patterned(typeCase)
          const byRow: PartitionSpec = {
            'spec-id': 2,
            fields: [{ 'source-id': 1, 'field-id': 1000, name: 'p', transform: 'truncate[7]' }],
          }
          const files = await encode(schema, entriesFromColumns(columns), {
            arrangement: { partitionSpec: byRow },
          })
          expect(files.map((file) => file.partition)).to.deep.equal([[0], [7], [14]])
          const rows = await reader.rows(...files.map((file) => file.bytes))
          expect(rows, typeCase.name).to.deep.equal(expected)
        }
      })
    })

    describe('metrics', () => {
      const schema = schemaOf([
        { id: 1, name: 'd', required: false, type: 'double' },
        { id: 2, name: 's', required: false, type: 'string' },
      ])
      const file = async (values: readonly unknown[], texts: readonly unknown[]) =>
        onlyFile(
          await encode(
            schema,
            entriesFromColumns([
              { name: 'd', type: new Float64(), fieldIds: [1], values },
              { name: 's', type: new Utf8(), fieldIds: [2], values: texts },
            ]),
            { settings: { rowGroupRowsMax: 2 } },
          ),
        )
      const bound = (bytes: Uint8Array | undefined) => bytes && deserializeValue('double', bytes)

      it('counts NaN and never has it as a bound', async () => {
        const { nanValueCounts, lowerBounds, upperBounds } = await file(
          [NaN, 1, -2, NaN, null, 5],
          ['a', 'b', 'c', 'd', 'e', 'f'],
        )
        expect(nanValueCounts).to.deep.equal(new Map([[1, 2n]]))
        expect(bound(lowerBounds.get(1))).to.equal(-2)
        expect(bound(upperBounds.get(1))).to.equal(5)
      })

      it('has no bounds for a column that is NaN in a whole row group', async () => {
        const { lowerBounds, upperBounds, nanValueCounts } = await file(
          [1, 2, NaN, NaN],
          ['a', 'b', 'c', 'd'],
        )
        expect(nanValueCounts.get(1)).to.equal(2n)
        expect([...lowerBounds.keys(), ...upperBounds.keys()]).to.deep.equal([2, 2])
      })

      it('encloses both zeros', async () => {
        const { lowerBounds, upperBounds } = await file([0, -0], ['a', 'b'])
        expect(Object.is(bound(lowerBounds.get(1)), -0)).to.equal(true)
        expect(Object.is(bound(upperBounds.get(1)), 0)).to.equal(true)
      })

      it('shortens bounds of text to 16 characters that still enclose', async () => {
        const smile = '😀'.repeat(20)
        const { lowerBounds, upperBounds } = await file([1, 2], ['a'.repeat(100), smile])
        expect(Buffer.from(lowerBounds.get(2) as Uint8Array).toString()).to.equal('a'.repeat(16))
        const upper = Buffer.from(upperBounds.get(2) as Uint8Array)
        expect(upper.toString()).to.equal(`${'😀'.repeat(15)}😁`)
        expect(Buffer.compare(upper, Buffer.from(smile))).to.equal(1)
      })

      it('skips row groups without values', async () => {
        const { lowerBounds, nullValueCounts } = await file([null, null, 3], ['a', 'b', 'c'])
        expect(bound(lowerBounds.get(1))).to.equal(3)
        expect(nullValueCounts.get(1)).to.equal(2n)
      })
    })
  })
}

function schemaOf(fields: readonly NestedField[]): Schema {
  return { type: 'struct', 'schema-id': 0, fields }
}

function int64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, value, true)
  return bytes
}

function numbered(from: number, rows: number, sequence = 1n): EncodeEntry[] {
  const numbers = Array.from({ length: rows }, (_, i) => from + i)
  return entriesFromColumns(
    [
      { name: 'n', type: new Int64(), fieldIds: [1], values: numbers.map(BigInt) },
      { name: 's', type: new Utf8(), fieldIds: [2], values: numbers.map((n) => `row ${n}`) },
    ],
    sequence,
  )
}

/** One column for each pattern of nulls, and the row's number. */
function patterned(typeCase: TypeCase) {
  const { iceberg, values } = typeCase
  const columns: TestColumn[] = [
    {
      name: 'row',
      type: new Int32(),
      fieldIds: [1],
      nullable: false,
      values: Array.from({ length: ROWS }, (_, row) => row),
    },
  ]
  const fields: NestedField[] = [{ id: 1, name: 'row', required: true, type: 'int' }]
  const expected: Record<string, unknown>[] = Array.from({ length: ROWS }, (_, row) => ({ row }))
  Object.entries(PATTERNS).forEach(([name, isNull], i) => {
    const type = shifted(iceberg, i * 1_000)
    const id = i + 2
    // Asked for each column: two columns do not share a dictionary.
    const { arrow } = typeCase
    const pairs = Array.from({ length: ROWS }, (_, row) =>
      isNull(row) ? [null, null] : (values[row % values.length] as readonly [unknown, unknown]),
    )
    columns.push({
      name,
      type: arrow,
      fieldIds: fieldIdsOf(arrow, id, type),
      values: pairs.map(([sent]) => sent),
    })
    fields.push({ id, name, required: false, type })
    pairs.forEach(([, value], row) => {
      ;(expected[row] as Record<string, unknown>)[name] = plain(value)
    })
  })
  return { schema: schemaOf(fields), columns, expected }
}

/** The same type with other ids below it: ids are unique in a table. */
function shifted(type: Type, by: number): Type {
  if (typeof type === 'string') return type
  switch (type.type) {
    case 'struct':
      return {
        type: 'struct',
        fields: type.fields.map((f) => ({ ...f, id: f.id + by, type: shifted(f.type, by) })),
      }
    case 'list':
      return {
        ...type,
        'element-id': type['element-id'] + by,
        element: shifted(type.element, by),
      }
    case 'map':
      return {
        ...type,
        'key-id': type['key-id'] + by,
        key: shifted(type.key, by),
        'value-id': type['value-id'] + by,
        value: shifted(type.value, by),
      }
    default:
      throw new Error('no such type')
  }
}

/** Every field of the schema is in the footer with its id, and nothing else has one. */
function expectFieldIds(file: Uint8Array, schema: Schema): void {
  const ids: number[] = []
  const visit = (id: number, type: Type): void => {
    ids.push(id)
    if (typeof type === 'string') return
    if (type.type === 'struct') for (const f of type.fields) visit(f.id, f.type)
    else if (type.type === 'list') visit(type['element-id'], type.element)
    else {
      visit(type['key-id'], type.key)
      visit(type['value-id'], type.value)
    }
  }
  for (const field of schema.fields) visit(field.id, field.type)
  const { schema: elements, key_value_metadata: extra } = hyparquetFooter(file)
  const found = elements.map((element) => element.field_id).filter((id) => id !== undefined)
  expect(found).to.deep.equal(ids)
  expect((extra ?? []).map(({ key }) => key)).not.to.include('ARROW:schema')
}

function expectMetrics(
  file: EncodedFile,
  schema: Schema,
  rows: readonly Record<string, unknown>[],
): void {
  expect(file.recordCount).to.equal(BigInt(rows.length))
  expect(file.splitOffsets).to.deep.equal([4n])
  for (const { id, name, type } of schema.fields) {
    const values = rows.map((row) => row[name]).filter((value) => value !== null)
    if (typeof type !== 'string') {
      expect(file.valueCounts.has(id)).to.equal(false)
      if (type.type === 'struct') continue
      const inner = type.type === 'list' ? type['element-id'] : type['key-id']
      expect(file.valueCounts.has(inner)).to.equal(false)
      expect(file.lowerBounds.has(inner)).to.equal(false)
      continue
    }
    expect(file.columnSizes.get(id), name).to.be.a('bigint')
    expect(file.valueCounts.get(id), name).to.equal(BigInt(rows.length))
    expect(file.nullValueCounts.get(id), name).to.equal(BigInt(rows.length - values.length))
    const lower = file.lowerBounds.get(id)
    const upper = file.upperBounds.get(id)
    expect([lower === undefined, upper === undefined], name).to.deep.equal(
      values.length === 0 ? [true, true] : [false, false],
    )
    if (!lower || !upper) continue
    const [least, most] = [deserializeValue(type, lower), deserializeValue(type, upper)].map(plain)
    for (const value of values) {
      expect(
        order(least, value),
        `${name}: lower ${inspect(least)}, value ${inspect(value)}`,
      ).to.be.at.most(0)
      expect(
        order(most, value),
        `${name}: upper ${inspect(most)}, value ${inspect(value)}`,
      ).to.be.at.least(0)
    }
    const isShort = typeof least !== 'string' || (lower.length < 16 && upper.length < 16)
    if (!isShort) continue
    expect(
      values.some((value) => order(least, value) === 0),
      `${name} reaches its lower`,
    ).to.equal(true)
    expect(
      values.some((value) => order(most, value) === 0),
      `${name} reaches its upper`,
    ).to.equal(true)
  }
}

/** UTF-8 order for text, and hex compares as its bytes do. */
function order(a: unknown, b: unknown): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  const [x, y] = [a, b] as [number, number]
  return x < y ? -1 : x > y ? 1 : 0
}
