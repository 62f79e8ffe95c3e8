/** A service as a process of its own: signals, and a client that outlives it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { tableFromArrays } from 'apache-arrow'
import { expect } from 'chai'
import { type ServiceProcess, startServiceProcess } from '../../scripts/lib/service-process.ts'
import { connect, type FrazilClient } from '../../src/client/index.ts'
import { metadataLocation, readTable } from '../support/independent-reader.ts'

const PATIENT = { 'commit.ageMs': 3_600_000 }
const EVENTS = tableFromArrays({ n: Int32Array.of(1, 2, 3) })

describe('a service process', () => {
  let data: string
  let service: ServiceProcess
  let client: FrazilClient

  beforeEach(async () => {
    data = await mkdtemp(path.join(tmpdir(), 'frazil-process-'))
    service = await startServiceProcess({ data, settings: PATIENT })
    client = connect(service.address)
  })

  afterEach(async () => {
    client.close()
    await service.kill()
    await rm(data, { recursive: true, force: true })
  })

  async function committedRows(): Promise<number> {
    const location = metadataLocation(path.join(data, 'catalog.db'), 'events') ?? ''
    return (await readTable(location)).totalRecords
  }

  it('commits what waits and ends with 0 at the first SIGTERM', async () => {
    await client.put('events', EVENTS)
    expect(await service.stop()).to.equal(0)
    expect(await committedRows()).to.equal(3)
  })

  it('ends at once at the second, and replays at the next start', async () => {
    await client.put('events', EVENTS)
    const catalog = new DatabaseSync(path.join(data, 'catalog.db'))
    catalog.exec('BEGIN IMMEDIATE')
    const stopped = service.stop()
    while (await isServing(client)) await new Promise(setImmediate)
    process.kill(service.pid, 'SIGTERM')
    expect(await stopped).to.equal(143)
    catalog.close()
    service = await startServiceProcess({ data, settings: PATIENT })
    client = connect(service.address)
    await client.flush()
    expect(await committedRows()).to.equal(3)
  })

  it('is killed before the commit that a client waits for: the client finds it after the restart', async () => {
    const port = Number(service.address.split(':')[1])
    const durable = Promise.withResolvers<void>()
    const put = client.put('events', [EVENTS, EVENTS], {
      ack: 'committed',
      onProgress: () => durable.resolve(),
    })
    await durable.promise
    await service.kill()
    service = await startServiceProcess({ data, port, settings: { 'commit.ageMs': 20 } })
    const { rows, snapshotId } = await put
    expect(rows).to.equal(6)
    const snapshots = await client.snapshots('events')
    expect(snapshots.map(({ snapshot_id }) => BigInt(snapshot_id as number))).to.include(snapshotId)
    expect(await committedRows()).to.equal(6)
  })
})

async function isServing(client: FrazilClient): Promise<boolean> {
  return client.status().then(
    () => true,
    () => false,
  )
}
