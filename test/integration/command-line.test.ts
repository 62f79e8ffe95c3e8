/** The command line against a whole service: what people type, and what is in the table then. */
import path from 'node:path'
import { expect } from 'chai'
import { inspectWal } from '#wal'
import { parseJson } from '../../src/json.ts'
import { runCli } from '../support/client-cli-run.ts'
import { type RunningService, runService } from '../support/running-service.ts'

const VEGA = path.resolve(import.meta.dirname, '../../../node_modules/vega-datasets/data')
const FLIGHTS = path.join(VEGA, 'flights-200k.arrow')
const ROWS = 200_000

describe('the command line with a whole service', () => {
  let running: RunningService

  before(async () => {
    running = await runService()
  })
  after(() => running.stop())

  async function json(...argv: string[]): Promise<Record<string, unknown>[]> {
    const address = ['--address', running.service.flight, '--output', 'json']
    const { code, stdout, stderr } = await runCli([...address, ...argv], { parts: { inspectWal } })
    expect(code, stderr).to.equal(0)
    return parseJson(stdout) as Record<string, unknown>[]
  }

  it('stores a file once, however often it is put under one producer id', async () => {
    const argv = ['put', 'flights', FLIGHTS, '--producer-id', 'day-1']
    const [first] = await json(...argv)
    expect(first).to.include({ table: 'flights', rows: ROWS, duplicates: 0 })
    const [again] = await json(...argv)
    expect(again).to.include({ rows: ROWS, sequence: first?.['sequence'] })
    expect(again?.['duplicates']).to.equal(first?.['batches'])
    const [flushed] = await json('flush', 'flights')
    expect((await running.read('flights')).totalRecords).to.equal(ROWS)

    expect(await json('tables')).to.have.length(1)
    const snapshots = await json('snapshots', 'flights')
    expect(snapshots.map(({ snapshot_id }) => snapshot_id)).to.deep.equal([
      flushed?.['snapshot_id'],
    ])
    // Once more there is nothing to do, and it says where the table stands.
    expect(await json('flush', 'flights')).to.deep.equal([flushed])
  })

  it('says the same of the log when it is asked and when its folder is read', async () => {
    const asked = (await json('wal', 'status')) as unknown as { log: Record<string, unknown> }
    const directory = path.join(running.data, 'wal')
    const read = (await json('wal', 'status', '--directory', directory)) as unknown as object
    const { id, epoch, next_sequence } = asked.log
    expect(read).to.include({ id, epoch, next_sequence })
  })

  it('fails with code 1 and the name for a table that is not there', async () => {
    for (const command of ['describe', 'snapshots', 'flush']) {
      const argv = ['--address', running.service.flight, command, 'fligths']
      const { code, stdout, stderr } = await runCli(argv)
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' })
      expect(stderr).to.include('default.fligths does not exist')
    }
  })
})
