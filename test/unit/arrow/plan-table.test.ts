import { expect } from 'chai'
import { type PlanRequest, planTable, type TablePlan } from '../../../src/arrow/plan-table.ts'
import type { ArrowField, ArrowType } from '../../../src/arrow/schema.ts'
import { verifySchema } from '../../../src/arrow/verify-schema.ts'
import type { NestedField, Schema, Type } from '../../../src/iceberg/types.ts'
import { ARROW_LIMITS, arrowFixtures } from '../../support/arrow-fixtures.ts'

const LOSSLESS = { truncateNanoseconds: false, uint64AsDecimal: false, durationAsLong: false }
const LOSSY = { truncateNanoseconds: true, uint64AsDecimal: true, durationAsLong: true }

const WIDEN = { 'frazil.schema.evolution': 'widen' }

const INT: ArrowType = { kind: 'int', bits: 32, signed: true }
const LONG: ArrowType = { kind: 'int', bits: 64, signed: true }
const TEXT: ArrowType = { kind: 'utf8', layout: 'normal' }
const NULL: ArrowType = { kind: 'null' }
const STRUCT: ArrowType = { kind: 'struct' }
const LIST: ArrowType = { kind: 'list', layout: 'normal' }

function arrow(name: string, type: ArrowType, more: Partial<ArrowField> = {}): ArrowField {
  return {
    name,
    nullable: true,
    type,
    children: [],
    dictionary: undefined,
    metadata: new Map(),
    ...more,
  }
}

function struct(name: string, children: readonly ArrowField[]): ArrowField {
  return arrow(name, STRUCT, { children })
}

function list(name: string, item: ArrowField): ArrowField {
  return arrow(name, LIST, { children: [item] })
}

function map(name: string, key: ArrowField, value: ArrowField): ArrowField {
  const entries = arrow('entries', STRUCT, { children: [key, value], nullable: false })
  return arrow(name, { kind: 'map', keysSorted: false }, { children: [entries] })
}

function plan(
  fields: readonly ArrowField[],
  table?: Schema,
  more: Partial<PlanRequest> = {},
): TablePlan {
  const request = { arrow: { fields, metadata: new Map() }, table, options: LOSSLESS }
  return planTable({ ...request, ...more })
}

function table(...fields: NestedField[]): Schema {
  return { type: 'struct', 'schema-id': 3, fields }
}

function column(id: number, name: string, type: Type, required = false): NestedField {
  return { id, name, required, type }
}

function refusal(given: TablePlan): string {
  if (given.kind !== 'refused') throw new Error(`planned ${given.kind}`)
  const { path, expected, received, remedy } = given
  return `${path}: expected ${expected}; received ${received}; ${remedy}`
}

function typeOf(type: ArrowType, more: Partial<ArrowField> = {}, options = LOSSLESS): unknown {
  const planned = plan([arrow('c', type, more)], undefined, { options })
  return planned.kind === 'create' ? planned.schema.fields[0]?.type : planned.kind
}

describe('a table that is created', () => {
  const types: readonly [string, ArrowType, Type, Partial<ArrowField>?][] = [
    ['bool', { kind: 'bool' }, 'boolean'],
    ['uint16', { kind: 'int', bits: 16, signed: false }, 'int'],
    ['int32', INT, 'int'],
    ['uint32', { kind: 'int', bits: 32, signed: false }, 'long'],
    ['int64', LONG, 'long'],
    ['float16', { kind: 'float', bits: 16 }, 'float'],
    ['float64', { kind: 'float', bits: 64 }, 'double'],
    ['decimal256', { kind: 'decimal', bits: 256, precision: 38, scale: 4 }, 'decimal(38, 4)'],
    ['date64', { kind: 'date', unit: 'ms' }, 'date'],
    ['time32', { kind: 'time', unit: 'ms', bits: 32 }, 'time'],
    ['timestamp', { kind: 'timestamp', unit: 's', timezone: undefined }, 'timestamp'],
    ['timestamp with zone', { kind: 'timestamp', unit: 'us', timezone: '+02:00' }, 'timestamptz'],
    ['large utf8', { kind: 'utf8', layout: 'large' }, 'string'],
    ['binary view', { kind: 'binary', layout: 'view' }, 'binary'],
    ['fixed-size binary', { kind: 'fixed-size-binary', width: 16 }, 'fixed[16]'],
    [
      'arrow.uuid',
      { kind: 'fixed-size-binary', width: 16 },
      'uuid',
      { metadata: new Map([['ARROW:extension:name', 'arrow.uuid']]) },
    ],
    [
      'dictionary',
      TEXT,
      'string',
      { dictionary: { id: 0n, index: { bits: 8, signed: true }, isOrdered: false } },
    ],
  ]
  for (const [name, type, expected, more] of types) {
    it(`stores ${name} as ${JSON.stringify(expected)}`, () => {
      expect(typeOf(type, more)).to.equal(expected)
    })
  }

  const lossy: readonly [string, ArrowType, Type, RegExp][] = [
    ['uint64', { kind: 'int', bits: 64, signed: false }, 'decimal(20, 0)', /uint64AsDecimal/],
    ['ns', { kind: 'timestamp', unit: 'ns', timezone: 'UTC' }, 'timestamptz', /truncateNano/],
    ['time ns', { kind: 'time', unit: 'ns', bits: 64 }, 'time', /truncateNanoseconds/],
    ['duration', { kind: 'duration', unit: 'ms' }, 'long', /durationAsLong/],
  ]
  for (const [name, type, expected, option] of lossy) {
    it(`stores ${name} only when its option is set`, () => {
      expect(refusal(plan([arrow('c', type)]))).to.match(option)
      expect(typeOf(type, {}, LOSSY)).to.equal(expected)
    })
  }

  it('has ids of all columns first, then those below', () => {
    const planned = plan([
      struct('s', [arrow('a', INT), list('b', arrow('item', TEXT))]),
      map('m', arrow('k', TEXT, { nullable: false }), list('v', arrow('item', INT))),
      arrow('last', INT),
    ])
    if (planned.kind !== 'create') throw new Error(refusal(planned))
    expect(planned.schema.fields.map(({ id }) => id)).to.deep.equal([1, 2, 3])
    // s, a, b, item, m, entries, k, v, item, last
    expect(planned.fieldIds).to.deep.equal([1, 4, 5, 6, 2, 0, 7, 8, 9, 3])
    expect(planned.schema.fields[1]?.type).to.deep.equal({
      type: 'map',
      'key-id': 7,
      key: 'string',
      'value-id': 8,
      value: { type: 'list', 'element-id': 9, element: 'int', 'element-required': false },
      'value-required': false,
    })
  })

  it('requires what cannot be null', () => {
    const item = arrow('item', INT, { nullable: false })
    const planned = plan([arrow('a', INT, { nullable: false }), list('b', item)])
    if (planned.kind !== 'create') throw new Error(refusal(planned))
    expect(planned.schema.fields.map(({ required }) => required)).to.deep.equal([true, false])
    expect(planned.required).to.deep.equal([
      { index: 0, path: 'a' },
      { index: 2, path: 'b.item' },
    ])
  })

  it('leaves out columns of type null, and says so', () => {
    const planned = plan([arrow('a', NULL), struct('s', [arrow('n', NULL), arrow('i', INT)])])
    if (planned.kind !== 'create') throw new Error(refusal(planned))
    expect(planned.skipped).to.deep.equal(['a', 's.n'])
    expect(planned.fieldIds).to.deep.equal([-1, 1, -1, 2])
  })

  const refused: readonly [string, readonly ArrowField[], RegExp][] = [
    ['no columns', [], /no columns/],
    ['nothing but nulls', [arrow('a', NULL)], /type null only/],
    ['a list of nulls', [list('a', arrow('item', NULL))], /^a.item: .*received null/],
    ['a map of nulls', [map('a', arrow('key', TEXT), arrow('value', NULL))], /^a.value: .*null/],
    ['a struct of nulls', [struct('a', [arrow('n', NULL)])], /^a: .*received struct/],
    ['a struct of a struct of nulls', [struct('a', [struct('b', [arrow('n', NULL)])])], /^a.b: /],
    ['an empty struct', [struct('a', [])], /^a: .*received struct/],
    [
      'a union deep inside',
      [
        map(
          'attributes',
          arrow('key', TEXT),
          list('value', arrow('item', { kind: 'union', mode: 'dense', typeIds: [] })),
        ),
      ],
      /^attributes.value.item: .*received union/,
    ],
    ['an interval', [arrow('a', { kind: 'interval', unit: 'day-time' })], /interval\[day-time\]/],
    ['run-end encoding', [arrow('a', { kind: 'run-end-encoded' })], /plain values/],
    [
      'decimals of 39 digits',
      [arrow('a', { kind: 'decimal', bits: 256, precision: 39, scale: 0 })],
      /at most 38 digits/,
    ],
    [
      'a negative scale',
      [arrow('a', { kind: 'decimal', bits: 128, precision: 9, scale: -1 })],
      /decimal128\(9, -1\)/,
    ],
    ['fixed width 0', [arrow('a', { kind: 'fixed-size-binary', width: 0 })], /at least one byte/],
    [
      'fixed lists of 0',
      [arrow('a', { kind: 'fixed-size-list', size: 0 }, { children: [arrow('i', INT)] })],
      /one element/,
    ],
    ['a column without a name', [arrow('a', INT), arrow('', INT)], /^\[1\]: expected a name/],
    ['a repeated name', [arrow('a', INT), arrow('a', INT)], /the same name twice/],
    ['names of another case', [arrow('Ab', INT), arrow('aB', INT)], /Ab, which differs in case/],
    ['nested names of another case', [struct('s', [arrow('x', INT), arrow('X', INT)])], /^s.X: /],
    ['reserved names', [arrow('_file', INT)], /^_file: .*reserve/],
    ['control characters', [arrow('a\nb', INT)], /without control characters/],
    ['names of 300 bytes', [arrow('x'.repeat(300), INT)], /at most 255 bytes/],
    ['a dotted name that is a path', [arrow('s.x', INT), struct('s', [arrow('x', INT)])], /^s.x: /],
  ]
  for (const [name, fields, pattern] of refused) {
    it(`is refused with ${name}`, () => expect(refusal(plan(fields))).to.match(pattern))
  }

  it('may have dots in names', () => {
    expect(plan([arrow('http.status', INT), arrow('http', INT)]).kind).to.equal('create')
  })

  it('takes every stream of the fixtures that v2 can hold', () => {
    for (const { name, messages } of arrowFixtures()) {
      const schema = verifySchema(messages[0]?.metadata as Uint8Array, ARROW_LIMITS)
      const planned = planTable({ arrow: schema, table: undefined, options: LOSSLESS })
      expect(planned.kind, name).to.equal(name === 'decimals of every width' ? 'refused' : 'create')
    }
  })

  it('is left alone by the schema that made it', () => {
    for (const { name, messages } of arrowFixtures()) {
      const schema = verifySchema(messages[0]?.metadata as Uint8Array, ARROW_LIMITS)
      const created = planTable({ arrow: schema, table: undefined, options: LOSSLESS })
      if (created.kind === 'refused') continue
      const again = planTable({ arrow: schema, table: created.schema, options: LOSSLESS })
      expect(again, name).to.deep.include({
        kind: 'unchanged',
        schema: created.schema,
        fieldIds: created.fieldIds,
        required: created.required,
        skipped: created.skipped,
      })
    }
  })
})

describe('a table that exists', () => {
  const nested: Type = { type: 'struct', fields: [column(4, 'x', 'int'), column(5, 'y', 'float')] }
  const existing = table(
    column(1, 'id', 'long', true),
    column(2, 'name', 'string'),
    column(3, 'point', nested),
  )
  const id = arrow('id', LONG)

  it('takes columns in any order, and leaves out optional ones', () => {
    const planned = plan([arrow('name', TEXT), id], existing)
    expect(planned).to.deep.include({ kind: 'unchanged', fieldIds: [2, 1] })
    expect(planned).to.deep.include({ required: [{ index: 1, path: 'id' }] })
  })

  it('takes narrower types', () => {
    const wide = table(
      column(1, 'a', 'long'),
      column(2, 'b', 'double'),
      column(3, 'c', 'decimal(12, 2)'),
      column(4, 'd', 'uuid'),
    )
    const planned = plan(
      [
        arrow('a', { kind: 'int', bits: 8, signed: true }),
        arrow('b', { kind: 'float', bits: 32 }),
        arrow('c', { kind: 'decimal', bits: 32, precision: 9, scale: 2 }),
        arrow('d', { kind: 'fixed-size-binary', width: 16 }),
      ],
      wide,
    )
    expect(planned).to.deep.include({ kind: 'unchanged', fieldIds: [1, 2, 3, 4] })
  })

  it('gets new columns as optional ones behind the others, with ids never used', () => {
    const fields = [
      id,
      struct('point', [arrow('x', INT), arrow('z', INT, { nullable: false })]),
      list('tags', arrow('item', TEXT)),
    ]
    const planned = plan(fields, existing, { lastColumnId: 20 })
    if (planned.kind !== 'evolve') throw new Error(refusal(planned))
    expect(planned.changes).to.deep.equal(['add point.z int', 'add tags list'])
    expect(planned.fieldIds).to.deep.equal([1, 3, 4, 21, 22, 23])
    expect(planned.schema['schema-id']).to.equal(4)
    expect(planned.schema.fields.map(({ name }) => name)).to.deep.equal([
      'id',
      'name',
      'point',
      'tags',
    ])
    const point = planned.schema.fields[2]?.type
    expect(typeof point === 'object' && point.type === 'struct' && point.fields[2]).to.deep.equal(
      column(21, 'z', 'int'),
    )
  })

  it('is widened, at any depth, where its policy says so', () => {
    const item: Type = {
      type: 'list',
      'element-id': 2,
      element: { type: 'struct', fields: [column(3, 'n', 'int'), column(4, 'd', 'decimal(5, 2)')] },
      'element-required': false,
    }
    const fields = [
      arrow('n', LONG),
      arrow('d', { kind: 'decimal', bits: 128, precision: 9, scale: 2 }),
    ]
    const sent = [list('l', struct('item', fields))]
    const planned = plan(sent, table(column(1, 'l', item)), { properties: WIDEN })
    if (planned.kind !== 'evolve') throw new Error(refusal(planned))
    expect(planned.changes).to.deep.equal([
      'widen l.item.n from int to long',
      'widen l.item.d from decimal(5, 2) to decimal(9, 2)',
    ])
    expect(planned.fieldIds).to.deep.equal([1, 2, 3, 4])
  })

  it('is not touched by a column of nulls', () => {
    const planned = plan([id, arrow('name', NULL), arrow('new', NULL)], existing)
    expect(planned).to.deep.include({ kind: 'unchanged', fieldIds: [1, -1, -1] })
    expect(planned).to.deep.include({ skipped: ['name', 'new'] })
  })

  const mapTable = table(
    column(1, 'm', {
      type: 'map',
      'key-id': 2,
      key: 'int',
      'value-id': 3,
      value: 'int',
      'value-required': false,
    }),
  )
  const refused: readonly [string, readonly ArrowField[], Schema, RegExp][] = [
    [
      'another type',
      [id, arrow('name', INT)],
      existing,
      /^name: expected string; received int32; /,
    ],
    ['a missing required column', [arrow('name', TEXT)], existing, /^id: expected long, required/],
    [
      'nulls for a required column',
      [arrow('id', NULL), arrow('name', TEXT)],
      existing,
      /^id: .*received null/,
    ],
    ['another case', [id, arrow('Name', TEXT)], existing, /rename the column to name/],
    ['a primitive for a struct', [id, arrow('point', INT)], existing, /^point: expected struct/],
    [
      'a zone where there is none',
      [arrow('t', { kind: 'timestamp', unit: 'us', timezone: 'UTC' })],
      table(column(1, 't', 'timestamp')),
      /^t: expected timestamp; received timestamp\[us, UTC\]/,
    ],
    [
      'a decimal of another scale',
      [arrow('d', { kind: 'decimal', bits: 128, precision: 9, scale: 3 })],
      table(column(1, 'd', 'decimal(9, 2)')),
      /^d: expected decimal\(9, 2\); received decimal128\(9, 3\)/,
    ],
    [
      'a wider key of a map',
      [map('m', arrow('key', LONG), arrow('value', INT))],
      mapTable,
      /^m.key: expected int; received int64/,
    ],
  ]
  for (const [name, fields, schema, pattern] of refused) {
    it(`refuses ${name}`, () => expect(refusal(plan(fields, schema))).to.match(pattern))
  }
})
