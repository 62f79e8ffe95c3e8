import { expect } from 'chai'
import { type PlanRequest, planTable, type TablePlan } from '../../../src/arrow/plan-table.ts'
import type { ArrowField } from '../../../src/arrow/schema.ts'
import type { Schema } from '../../../src/iceberg/types.ts'
import {
  arrow,
  column,
  FLOAT,
  INT,
  LONG,
  list,
  map,
  NULL,
  struct,
  TEXT,
  table,
  timestamp,
  vector,
} from '../../support/arrow-fields.ts'

const options = { truncateNanoseconds: false, uint64AsDecimal: false, durationAsLong: false }

function plan(
  fields: readonly ArrowField[],
  existing: Schema | undefined,
  more: Partial<PlanRequest> = {},
): TablePlan {
  return planTable({ arrow: { fields, metadata: new Map() }, table: existing, options, ...more })
}

function underPolicy(policy: string): Partial<PlanRequest> {
  return { properties: { 'frazil.schema.evolution': policy } }
}

function refusal(planned: TablePlan): string {
  if (planned.kind !== 'refused') throw new Error(`planned ${planned.kind}`)
  const { path, expected, received, remedy } = planned
  return `${path}: expected ${expected}; received ${received}; ${remedy}`
}

function changes(planned: TablePlan): readonly string[] {
  return planned.kind === 'evolve' ? planned.changes : [planned.kind]
}

function actions(planned: TablePlan): string[] {
  return planned.columns.map(({ path, action }) => `${path} ${action}`)
}

describe('the evolution policy', () => {
  const existing = table(column(1, 'a', 'int', true), column(2, 'f', 'float'))
  const wider = [arrow('a', INT), arrow('f', { kind: 'float', bits: 64 })]
  const more = [arrow('a', INT), arrow('new', TEXT)]

  it('additive adds, and refuses to widen or to make optional', () => {
    for (const properties of [{}, { 'frazil.schema.evolution': 'additive' }]) {
      expect(changes(plan(more, existing, { properties }))).to.deep.equal(['add new string'])
      expect(refusal(plan(wider, existing, { properties }))).to.equal(
        'f: expected float; received float64; send float, or set the table property frazil.schema.evolution to widen',
      )
      expect(refusal(plan([arrow('f', FLOAT)], existing, { properties }))).to.match(
        /^a: expected int, required; received no column; .*evolution to widen$/,
      )
    }
  })

  it('widen also promotes and makes optional', () => {
    const planned = plan([arrow('f', { kind: 'float', bits: 64 })], existing, underPolicy('widen'))
    expect(changes(planned)).to.deep.equal(['make a optional', 'widen f from float to double'])
    expect(planned.kind === 'evolve' && planned.schema.fields).to.deep.equal([
      column(1, 'a', 'int', false),
      column(2, 'f', 'double'),
    ])
  })

  it('widen leaves identifier fields required', () => {
    const identified = { ...existing, 'identifier-field-ids': [1] }
    expect(refusal(plan([arrow('f', FLOAT)], identified, underPolicy('widen')))).to.match(
      /^a: .*; send the column$/,
    )
  })

  for (const policy of ['strict', 'no such policy', '']) {
    it(`${JSON.stringify(policy)} changes nothing`, () => {
      const given = underPolicy(policy)
      expect(refusal(plan(more, existing, given))).to.match(
        /^new: expected no such column; .*additive/,
      )
      expect(refusal(plan(wider, existing, given))).to.match(/^f: .*widen$/)
      expect(plan([arrow('a', INT)], existing, given).kind).to.equal('unchanged')
      expect(plan([arrow('a', INT), arrow('nothing', NULL)], existing, given).kind).to.equal(
        'unchanged',
      )
    })
  }

  it('strict goes for nested fields too', () => {
    const nested = table(column(1, 's', { type: 'struct', fields: [column(2, 'x', 'int')] }))
    const sent = [struct('s', [arrow('x', INT), arrow('y', INT)])]
    expect(refusal(plan(sent, nested, underPolicy('strict')))).to.match(/^s.y: /)
    expect(changes(plan(sent, nested))).to.deep.equal(['add s.y int'])
  })
})

describe('a table that another writer has changed', () => {
  const before = { ...table(column(1, 'a', 'int'), column(2, 'b', 'int')), 'schema-id': 0 }

  it('takes a renamed column under its old name', () => {
    const now = { ...table(column(1, 'c', 'int'), column(2, 'b', 'int')), 'schema-id': 1 }
    const schemas = [before, now]
    const planned = plan([arrow('b', INT), arrow('a', INT)], now, { schemas })
    expect(planned).to.deep.include({ kind: 'unchanged', fieldIds: [2, 1] })
    expect(planned.columns[1]).to.include({ path: 'a', column: 'c', fieldId: 1 })
    expect(refusal(plan([arrow('a', INT), arrow('c', INT)], now, { schemas }))).to.match(
      /^a: expected one column for c, which was a once; received c and a/,
    )
  })

  it('refuses a dropped column, unless it has no values', () => {
    const now = { ...table(column(2, 'b', 'int')), 'schema-id': 1 }
    const given = { schemas: [before, now], lastColumnId: 2 }
    for (const policy of ['additive', 'widen', 'strict']) {
      const request = { ...given, ...underPolicy(policy) }
      expect(refusal(plan([arrow('a', INT)], now, request))).to.match(
        /^a: expected no such column, the table has dropped it; .*leave it out/,
      )
    }
    expect(plan([arrow('a', NULL)], now, given)).to.deep.include({
      kind: 'unchanged',
      skipped: ['a'],
    })
  })

  it('takes swapped names for what they are now', () => {
    const now = { ...table(column(1, 'b', 'int'), column(2, 'a', 'int')), 'schema-id': 1 }
    const planned = plan([arrow('a', INT), arrow('b', INT)], now, { schemas: [before, now] })
    expect(planned).to.deep.include({ kind: 'unchanged', fieldIds: [2, 1] })
  })
})

describe('fields without values', () => {
  const nested = table(
    column(1, 'l', { type: 'list', 'element-id': 4, element: 'int', 'element-required': true }),
    column(2, 's', { type: 'struct', fields: [column(5, 'x', 'int')] }),
    column(3, 'm', {
      type: 'map',
      'key-id': 6,
      key: 'string',
      'value-id': 7,
      value: { type: 'list', 'element-id': 8, element: 'int', 'element-required': false },
      'value-required': false,
    }),
  )

  it('fit whatever the table has', () => {
    const planned = plan(
      [
        list('l', arrow('item', NULL)),
        struct('s', [arrow('x', NULL)]),
        map('m', arrow('key', NULL), arrow('value', NULL)),
      ],
      nested,
    )
    expect(planned).to.deep.include({ kind: 'unchanged', fieldIds: [1, 4, 2, -1, 3, 0, 6, 7] })
    // A null among the elements is still one too many.
    expect(planned).to.deep.include({ required: [{ index: 1, path: 'l.item' }] })
    expect(plan([struct('s', [])], nested).kind).to.equal('unchanged')
  })

  it('are refused where their type would have to be guessed', () => {
    expect(refusal(plan([list('new', arrow('item', NULL))], nested))).to.match(/^new.item: /)
    expect(refusal(plan([struct('new', [arrow('x', NULL)])], nested))).to.match(/^new: /)
  })
})

describe('a table of format version 3', () => {
  const v3 = { formatVersion: 3 } as const

  it('keeps nanoseconds, and columns that have no type yet', () => {
    const sent = [timestamp('t', 'ns'), timestamp('z', 'ns', 'UTC'), arrow('u', NULL)]
    const planned = plan(sent, undefined, v3)
    expect(planned.kind === 'create' && planned.schema.fields).to.deep.equal([
      column(1, 't', 'timestamp_ns'),
      column(2, 'z', 'timestamptz_ns'),
      column(3, 'u', 'unknown'),
    ])
    const again = planned.kind === 'create' ? planned.schema : undefined
    expect(plan(sent, again, v3).kind).to.equal('unchanged')
  })

  it('checks coarser instants, which may be too far', () => {
    const existing = table(column(1, 't', 'timestamp_ns'), column(2, 'u', 'timestamp_ns'))
    const planned = plan([timestamp('t', 's'), timestamp('u', 'ns')], existing, v3)
    expect(planned).to.deep.include({ kind: 'unchanged', nanoseconds: [0] })
  })

  it('cuts nanoseconds for a column of microseconds only when that is allowed', () => {
    const existing = table(column(1, 't', 'timestamp'))
    const sent = [timestamp('t', 'ns')]
    expect(refusal(plan(sent, existing, v3))).to.match(/truncateNanoseconds/)
    const allowed = { ...v3, options: { ...options, truncateNanoseconds: true } }
    const planned = plan(sent, existing, allowed)
    expect(planned.kind).to.equal('unchanged')
    expect(planned.columns[0]?.reason).to.match(/truncateNanoseconds/)
  })

  it('wants a column that has a default sent, which would be more than null', () => {
    const existing = table(column(1, 'a', 'int'), { ...column(2, 'b', 'int'), 'write-default': 7 })
    expect(refusal(plan([arrow('a', INT)], existing, v3))).to.match(
      /^b: .*default.*send the column/,
    )
    expect(plan([arrow('a', INT), arrow('b', NULL)], existing, v3).kind).to.equal('unchanged')
  })

  it('has no column of nothing but unknown types', () => {
    expect(refusal(plan([arrow('u', NULL)], undefined, v3))).to.match(/type null only/)
    expect(refusal(plan([struct('s', [arrow('u', NULL)])], undefined, v3))).to.match(/^s: /)
    expect(refusal(plan([list('l', arrow('u', NULL))], undefined, v3))).to.match(/^l.u: /)
  })

  it('gives a column without a type the first that comes', () => {
    const existing = table(column(1, 'u', 'unknown'))
    const sent = [list('u', arrow('item', LONG))]
    const planned = plan(sent, existing, v3)
    expect(changes(planned)).to.deep.equal(['widen u from unknown to list'])
    expect(planned).to.deep.include({ fieldIds: [1, 2] })
    expect(refusal(plan(sent, existing, { ...v3, ...underPolicy('strict') }))).to.match(/^u: /)
    expect(plan([arrow('u', NULL)], existing, v3).kind).to.equal('unchanged')
  })
})

describe('vectors', () => {
  const element = {
    type: 'list',
    'element-id': 2,
    element: 'float',
    'element-required': false,
  } as const
  const existing = table(column(1, 'v', element))
  const known = { properties: { 'frazil.dimension.v': '4' } }

  it('have their dimension remembered when their column is made', () => {
    const planned = plan([struct('s', [vector('v', 4)])], undefined)
    expect(planned).to.deep.include({ properties: { 'frazil.dimension.s.v': '4' } })
    const added = plan([vector('v', 4), vector('w', 3)], existing, known)
    expect(added).to.deep.include({ kind: 'evolve', properties: { 'frazil.dimension.w': '3' } })
  })

  it('of another dimension are refused by both', () => {
    expect(plan([vector('v', 4)], existing, known).kind).to.equal('unchanged')
    expect(refusal(plan([vector('v', 3)], existing, known))).to.match(
      /^v: expected vectors of dimension 4; received vectors of dimension 3; .*frazil.dimension.v/,
    )
  })

  it('keep their dimension under another name', () => {
    const now = { ...table(column(1, 'w', element)), 'schema-id': 4 }
    const request = { ...known, schemas: [existing, now] }
    expect(refusal(plan([vector('w', 3)], now, request))).to.match(/dimension 4/)
  })

  it('may come as plain lists, whose every row is looked at', () => {
    const planned = plan([arrow('a', INT), list('v', arrow('item', FLOAT))], existing, known)
    const vectors = [{ index: 1, path: 'v', dimension: 4 }]
    expect(planned.kind === 'evolve' && planned.vectors).to.deep.equal(vectors)
  })

  it('may go into a plain list, which stays one', () => {
    expect(plan([vector('v', 3)], existing)).to.deep.include({ kind: 'unchanged', properties: {} })
  })
})

describe('the plan of each column', () => {
  it('is in the order of the stream, and says all that is wrong', () => {
    const existing = table(column(1, 'a', 'int'), column(2, 'b', 'int'))
    const sent = [
      arrow('u', { kind: 'int', bits: 64, signed: false }),
      arrow('new', TEXT),
      arrow('a', TEXT),
      arrow('A', INT),
    ]
    const planned = plan(sent, existing)
    expect(actions(planned)).to.deep.equal([
      'u refuse',
      'new add',
      'a refuse',
      'A refuse',
      'b omit',
    ])
    expect(planned.columns[0]?.refusal?.remedy).to.match(/uint64AsDecimal/)
  })

  it('has nested columns too', () => {
    const planned = plan(
      [struct('s', [arrow('x', INT), list('l', arrow('item', TEXT))])],
      undefined,
    )
    expect(planned.columns).to.deep.include({
      path: 's.l.item',
      arrow: 'utf8',
      action: 'create',
      iceberg: 'string',
      fieldId: 4,
      isRequired: false,
    })
    expect(actions(planned)).to.deep.equal([
      's create',
      's.x create',
      's.l create',
      's.l.item create',
    ])
  })
})
