/** Asking before sending, through the client and the command line, against a whole service. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Float64, Table, tableFromArrays, tableToIPC, vectorFromArray } from 'apache-arrow'
import { expect } from 'chai'
import { ServiceError } from '../../src/errors.ts'
import { runCli } from '../support/client-cli-run.ts'
import { type RunningService, runService } from '../support/running-service.ts'

const ints = tableFromArrays({ n: Int32Array.of(1), text: ['a'] })
const doubles = new Table({
  n: vectorFromArray([1.5], new Float64()),
  more: ints.getChild('text')!,
})

describe('a plan', () => {
  let running: RunningService
  let directory: string

  before(async () => {
    running = await runService()
    directory = await mkdtemp(path.join(tmpdir(), 'frazil-plan-'))
  })
  after(async () => {
    await running.stop()
    await rm(directory, { recursive: true, force: true })
  })

  it('says what would be made, and makes nothing', async () => {
    const plan = await running.client.plan('unmade', ints, {
      partitionBy: ['bucket(4, n)'],
      identifierFields: ['n'],
      properties: { 'format-version': '3' },
    })
    expect(plan).to.include({ outcome: 'create', reason: undefined })
    expect(
      plan.columns.map(({ path: name, action, iceberg }) => [name, action, iceberg]),
    ).to.deep.equal([
      ['n', 'create', 'int'],
      ['text', 'create', 'string'],
    ])
    expect(plan.details).to.include({ table: 'default.unmade', format_version: 3 })
    expect(plan.details['table_schema']).to.deep.include({ 'identifier-field-ids': [1] })
    expect(plan.details['partition_spec']).to.have.nested.property(
      'fields[0].transform',
      'bucket[4]',
    )
    expect(await running.client.tables()).to.deep.equal([])
  })

  it('says what would be refused, and why', async () => {
    await running.client.put('refusing', ints)
    const plan = await running.client.plan('refusing', doubles)
    expect(plan.outcome).to.equal('refused')
    expect(plan.reason).to.match(/^column n of default.refusing: expected int, received float64/)
    expect(plan.columns.map(({ path: name, action }) => [name, action])).to.deep.equal([
      ['n', 'refuse'],
      ['more', 'add'],
      ['text', 'omit'],
    ])
  })

  it('refuses what a table may not have besides its columns', async () => {
    for (const [options, why] of [
      [{ create: false }, /does not exist/],
      [{ partitionBy: ['day(n)'] }, /day/],
      [{ identifierFields: ['x'] }, /no such column/],
      [{ properties: { 'frazil.schema.evolution': 'x' } }, /additive, widen, strict/],
    ] as const) {
      const plan = await running.client.plan('never', ints, options)
      expect(plan.outcome).to.equal('refused')
      expect(plan.reason).to.match(why)
    }
    const failed = await running.client
      .plan('never', ints, { properties: { 'format-version': '4' } })
      .catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(ServiceError).with.property('kind', 'invalid')
  })

  it('is what the command line says of a file, with code 1 when it would be refused', async () => {
    const file = path.join(directory, 'file.arrow')
    await writeFile(file, tableToIPC(doubles, 'file'))
    const at = (...argv: string[]) => runCli(['--address', running.service.flight, ...argv])

    const made = await at('--output', 'json', 'plan', 'by_cli', file, '--identifier', 'more')
    expect(made.code, made.stderr).to.equal(0)
    expect(JSON.parse(made.stdout)).to.include({ outcome: 'create', table: 'default.by_cli' })

    await running.client.put('by_cli', ints)
    const refused = await at('plan', 'by_cli', file)
    expect(refused.code).to.equal(1)
    expect(refused.stdout).to.match(/n +float64 +refuse/)
    expect(refused.stderr).to.match(/would be refused: column n of default.by_cli/)
  })
})
