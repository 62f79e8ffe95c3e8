import { expect } from 'chai'
import { metricsModes } from '../../../src/iceberg/metrics-mode.ts'
import type { Schema } from '../../../src/iceberg/types.ts'
import { describeProblem, writeSettings } from '../../../src/iceberg/write-settings.ts'

const SCHEMA: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'text', required: false, type: 'string' },
    {
      id: 3,
      name: 'at',
      required: false,
      type: { type: 'struct', fields: [{ id: 5, name: 'x', required: false, type: 'double' }] },
    },
    {
      id: 4,
      name: 'tags',
      required: false,
      type: { type: 'list', 'element-id': 6, element: 'string', 'element-required': false },
    },
    { id: 7, name: 'a.b', required: false, type: 'int' },
    { id: 8, name: '__proto__', required: false, type: 'int' },
  ],
}

const read = (properties: Record<string, string>) => writeSettings(properties, SCHEMA)

function problemOf(property: string, value: string): string {
  const { settings, problems } = read({ [property]: value })
  expect(settings, property).to.deep.equal(read({}).settings)
  expect(problems.map((problem) => problem.property)).to.deep.equal([property])
  return problems.map(describeProblem).join()
}

describe('write settings of a table', () => {
  it('are empty for a table that says nothing, or nothing about writing', () => {
    const { settings, problems } = read({ owner: 'me', 'history.expire.max-snapshot-age-ms': '1' })
    expect(problems).to.deep.equal([])
    expect(settings).to.deep.equal({
      columns: {},
      metrics: { inferredColumnsMax: 100, columns: {} },
      commit: {},
    })
  })

  it('are read from the names that Iceberg has for them', () => {
    const { settings, problems } = read({
      'write.target-file-size-bytes': '53687091200',
      'write.parquet.row-group-size-bytes': '1048576',
      'write.parquet.row-group-limit': '5000',
      'write.parquet.page-size-bytes': '65536',
      'write.parquet.dict-size-bytes': '4096',
      'write.parquet.compression-codec': 'LZ4',
      'parquet.enable.dictionary': 'false',
      'write.metadata.metrics.default': 'counts',
      'write.metadata.metrics.max-inferred-column-defaults': '3',
      'frazil.commit.age-ms': '250',
      'frazil.commit.bytes': '1000',
    })
    expect(problems).to.deep.equal([])
    expect(settings).to.deep.equal({
      targetFileBytes: 50 * 1024 ** 3,
      rowGroupBytesMax: 1_048_576,
      rowGroupRowsMax: 5_000,
      pageBytesMax: 65_536,
      dictionaryBytesMax: 4_096,
      compression: 'lz4_raw',
      isDictionaryEnabled: false,
      columns: {},
      metrics: { default: { kind: 'counts' }, inferredColumnsMax: 3, columns: {} },
      commit: { ageMs: 250, bytes: 1_000 },
    })
  })

  it('can be a column’s own', () => {
    const { settings, problems } = read({
      'write.parquet.compression-codec.column.text': 'gzip',
      'write.parquet.dict-encoding-enabled.column.text': 'false',
      'write.parquet.stats-enabled.column.id': 'false',
      'write.parquet.compression-codec.column.a.b': 'snappy',
      'write.parquet.compression-codec.column.__proto__': 'zstd',
      'write.metadata.metrics.column.at.x': 'full',
      'write.metadata.metrics.column.tags.element': 'none',
      'write.metadata.metrics.column.text': 'truncate(4)',
    })
    expect(problems).to.deep.equal([])
    expect(Object.entries(settings.columns)).to.have.deep.members([
      ['text', { compression: 'gzip', isDictionaryEnabled: false }],
      ['id', { hasStatistics: false }],
      ['a.b', { compression: 'snappy' }],
      ['__proto__', { compression: 'zstd' }],
    ])
    expect(settings.metrics.columns).to.deep.equal({
      5: { kind: 'full' },
      6: { kind: 'none' },
      2: { kind: 'truncate', length: 4 },
    })
  })

  it('are the same whatever the order of the properties', () => {
    const entries = [
      ['write.parquet.compression-codec.column.text', 'gzip'],
      ['write.parquet.compression-codec.column.id', 'gzip'],
      ['frazil.commit.age-ms', '250'],
    ]
    const forwards = read(Object.fromEntries(entries)).settings
    const backwards = read(Object.fromEntries(entries.toReversed())).settings
    expect(JSON.stringify(forwards)).to.equal(JSON.stringify(backwards))
  })

  it('leave out what cannot be, and say why', () => {
    const size = problemOf('write.target-file-size-bytes', '128MB')
    expect(size).to.contain('write.target-file-size-bytes=128MB is not obeyed: it must be a whole')
    expect(problemOf('write.target-file-size-bytes', '1')).to.contain('from 65536')
    expect(problemOf('write.parquet.row-group-limit', '0')).to.contain('from 1')
    expect(problemOf('write.parquet.compression-codec', 'brotli')).to.contain('zstd')
    expect(problemOf('write.parquet.compression-codec', 'constructor')).to.contain('codecs are')
    expect(problemOf('write.metadata.metrics.default', 'truncate(0)')).to.contain('truncate(N)')
    expect(problemOf('write.metadata.metrics.column.nope', 'full')).to.contain('no column nope')
    expect(problemOf('write.parquet.compression-codec.column.at.x', 'gzip')).to.contain('top-level')
    expect(problemOf('write.parquet.stats-enabled.column.nope', 'true')).to.contain(
      'no column nope',
    )
    expect(problemOf('write.parquet.dict-encoding-enabled.column.id', '1')).to.contain('true or')
    expect(problemOf('write.parquet.compression-level', '9')).to.contain('parquet-wasm')
    expect(problemOf('write.parquet.page-row-limit', '100')).to.contain('parquet-wasm')
    expect(problemOf('write.parquet.bloom-filter-enabled.column.id', 'true')).to.contain('bloom')
    expect(problemOf('write.parquet.row-group-sise-bytes', '1')).to.contain('no such property')
    expect(problemOf('frazil.commit.age', '1')).to.contain('no such property')
    expect(problemOf('write.format.default', 'orc')).to.contain('only Parquet')
    expect(problemOf('write.data.path', 's3://x')).to.contain('data')
  })

  it('take no offence at what asks for what happens anyway', () => {
    const { problems } = read({
      'write.format.default': 'parquet',
      'write.parquet.page-row-limit': '20000',
      'write.parquet.bloom-filter-enabled.column.id': 'false',
      'write.parquet.bloom-filter-max-bytes': '1048576',
      'write.object-storage.enabled': 'false',
    })
    expect(problems).to.deep.equal([])
  })
})

describe('metrics modes', () => {
  const modes = (properties: Record<string, string>, sorted: readonly number[] = []) => {
    const fields = sorted.map((id) => ({
      'source-id': id,
      transform: 'identity',
      direction: 'asc' as const,
      'null-order': 'nulls-last' as const,
    }))
    const order = { 'order-id': 1, fields }
    const found = metricsModes(SCHEMA, read(properties).settings.metrics, order)
    return Object.fromEntries([...found].map(([id, mode]) => [id, mode.kind]))
  }

  it('are truncate(16) for the first columns, breadth first', () => {
    const property = 'write.metadata.metrics.max-inferred-column-defaults'
    expect(modes({})).to.deep.equal({
      1: 'truncate',
      2: 'truncate',
      5: 'truncate',
      6: 'truncate',
      7: 'truncate',
      8: 'truncate',
    })
    expect(modes({ [property]: '4' })).to.include({ 7: 'truncate', 5: 'none', 6: 'none' })
    expect(modes({ [property]: '0', 'write.metadata.metrics.default': 'full' })).to.include({
      5: 'full',
    })
  })

  it('keep the bounds of what a table is sorted by, unless the column says otherwise', () => {
    const none = { 'write.metadata.metrics.default': 'none' }
    expect(modes(none, [2])).to.include({ 1: 'none', 2: 'truncate' })
    expect(modes({ ...none, 'write.metadata.metrics.column.text': 'counts' }, [2])).to.include({
      2: 'counts',
    })
  })
})
