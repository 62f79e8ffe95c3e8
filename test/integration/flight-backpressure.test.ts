/**
 * A catalog that stands still while clients go on sending, against a service in its own process:
 * the log fills, clients are slowed down and then told to retry, memory stays bounded, and what was
 * acknowledged is committed once the catalog moves again.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { tableFromArrays } from 'apache-arrow'
import { expect } from 'chai'
import { type ServiceProcess, startServiceProcess } from '../../scripts/lib/service-process.ts'
import { connect, type FrazilClient } from '../../src/client/index.ts'
import { ServiceError } from '../../src/errors.ts'
import { metadataLocation, readTable } from '../support/independent-reader.ts'

const MIB = 1024 * 1024
const LOG_BYTES_MAX = 4 * MIB
const PRODUCERS = 4
const BATCHES = 64
const ROWS = 32_768
/** The heap's own ups and downs; what is offered and not acknowledged is twice as much. */
/** Most of it is the encoder's; what is offered is as much again in each round of retries. */
const GROWTH_MIB_MAX = 96
const SETTINGS = {
  'wal.segmentBytes': '1MiB',
  'wal.logBytesMax': LOG_BYTES_MAX,
  'wal.entryBytesMax': '1MiB',
  'wal.diskReserveBytes': 0,
  'flight.inflightBytesMax': '2MiB',
  'flight.windowBytes': '256KiB',
  'commit.ageMs': 20,
  'commit.tickMs': 10,
  'commit.retryCapMs': 100,
  'parquet.compression': 'uncompressed',
}

function numbers(producer: number, batch: number) {
  const n = Int32Array.from({ length: ROWS }, (_, i) => batch * ROWS + i)
  return tableFromArrays({ producer: new Int32Array(ROWS).fill(producer), n })
}

function residentMib({ pid }: ServiceProcess): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}

describe('back-pressure of the whole service', () => {
  let data: string
  let service: ServiceProcess
  let client: FrazilClient
  let catalog: DatabaseSync

  beforeEach(async () => {
    data = await mkdtemp(path.join(tmpdir(), 'frazil-pressure-'))
    service = await startServiceProcess({ data, settings: SETTINGS })
    client = connect(service.address, { retryMsMax: 20_000 })
    await client.put('events', numbers(-1, 0), { ack: 'committed' })
    catalog = new DatabaseSync(path.join(data, 'catalog.db'))
    // Readers go on, as with a catalog that is slow to commit.
    catalog.exec('BEGIN IMMEDIATE')
  })

  afterEach(async () => {
    client.close()
    catalog.close()
    await service.kill()
    await rm(data, { recursive: true, force: true })
  })

  async function logBytes(): Promise<number> {
    const status = (await client.status()) as { log: { log_bytes: number } }
    return status.log.log_bytes
  }

  async function rowsByProducer() {
    const location = metadataLocation(path.join(data, 'catalog.db'), 'events') ?? ''
    const counts = await (await readTable(location)).query(
      'SELECT producer, count(*) AS total, count(DISTINCT n) AS different FROM rows GROUP BY producer',
    )
    return new Map(
      counts.map(({ producer, total, different }) => [
        Number(producer),
        { total: Number(total), different: Number(different) },
      ]),
    )
  }

  it('holds a flood within its limits, then commits all that it acknowledged, once', async function () {
    // The resident size of the child is read from /proc.
    if (process.platform !== 'linux') this.skip()
    this.timeout(30_000)
    const before = residentMib(service)
    const flood = connect(service.address)
    const ends = Array.from({ length: PRODUCERS }, async (_, producer) => {
      const batches = Array.from({ length: BATCHES }, (__, i) => numbers(producer, i))
      const end: unknown = await flood
        .put('events', batches, { unacknowledgedBytesMax: 32 * MIB })
        .catch((error: unknown) => error)
      if (!(end instanceof ServiceError)) throw new Error('the log has no limit')
      return Number(end.context['rows'])
    })
    let largest = 0
    for (let i = 0; i < 20; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 75))
      largest = Math.max(largest, residentMib(service))
      expect(await logBytes()).to.be.at.most(LOG_BYTES_MAX)
    }
    expect(largest - before).to.be.below(GROWTH_MIB_MAX)
    flood.close()
    const acknowledged = await Promise.all(ends)
    expect(acknowledged.reduce((sum, rows) => sum + rows)).to.be.greaterThan(0)

    catalog.exec('ROLLBACK')
    await client.flush()
    const counts = await rowsByProducer()
    for (const [producer, rows] of acknowledged.entries()) {
      const { total, different } = counts.get(producer) ?? { total: 0, different: 0 }
      expect(total, `producer ${producer}`).to.equal(different)
      expect(total, `producer ${producer}`).to.be.at.least(rows)
    }
  })

  it('tells a client that cannot wait to retry, and takes the rest later under its numbers', async () => {
    const hasty = connect(service.address, { retryMsMax: 200 })
    const producer = { id: 'hasty', sequence: 0n }
    const batches = Array.from({ length: 32 }, (_, i) => numbers(0, i))
    const refused: unknown = await hasty
      .put('events', batches, { producer })
      .catch((error: unknown) => error)
    hasty.close()
    expect(refused).to.include({ kind: 'overloaded' })
    expect(String(refused)).to.match(/the log has reached .* bytes/)

    catalog.exec('ROLLBACK')
    const { rows, duplicates } = await client.put('events', batches, { producer })
    expect(rows).to.equal(32 * ROWS)
    expect(duplicates).to.be.within(1, 31)
    await client.flush()
    expect((await rowsByProducer()).get(0)).to.deep.equal({
      total: 32 * ROWS,
      different: 32 * ROWS,
    })
  })
})
