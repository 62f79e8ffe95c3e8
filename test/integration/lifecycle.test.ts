/** The service as a process: how it starts, ends, and keeps what it acknowledged through both. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { tableFromArrays } from 'apache-arrow'
import { expect } from 'chai'
import {
  type ServiceProcess,
  type ServiceProcessOptions,
  startServiceProcess,
} from '../../scripts/lib/service-process.ts'
import { connect, type FrazilClient } from '../../src/client/index.ts'
import { metadataLocation, readTable } from '../support/independent-reader.ts'

const MAIN = path.resolve(import.meta.dirname, '../../src/main.js')
/** Commits when it drains, and not before. */
const QUIET = { 'commit.ageMs': 3_600_000, 'wal.segmentBytes': '1MiB', 'wal.diskReserveBytes': 0 }

/** After so many good ones, every fdatasync of the process fails. */
function failingSync(after: number): string[] {
  const script = `
    import { open } from 'node:fs/promises'
    const handle = await open('/dev/null')
    const prototype = Object.getPrototypeOf(handle)
    await handle.close()
    const datasync = prototype.datasync
    let left = ${after}
    prototype.datasync = function () {
      if (left-- > 0) return datasync.call(this)
      return Promise.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
    }`
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`]
}

describe('the service as a process', function () {
  this.timeout(20_000)
  let data: string
  let service: ServiceProcess | undefined
  let clients: FrazilClient[]

  beforeEach(async () => {
    data = await mkdtemp(path.join(tmpdir(), 'frazil-life-'))
    clients = []
  })
  afterEach(async () => {
    for (const client of clients) client.close()
    await service?.kill()
    service = undefined
    await rm(data, { recursive: true, force: true })
  })

  async function start(options: Partial<ServiceProcessOptions> = {}): Promise<ServiceProcess> {
    const settings = { ...QUIET, ...options.settings }
    service = await startServiceProcess({ data, ...options, settings })
    return service
  }

  function clientOf({ address }: ServiceProcess): FrazilClient {
    const client = connect(address, { retryMsMax: 100 })
    clients.push(client)
    return client
  }

  /** Puts one batch after the other until it is told that no more is taken. */
  async function load(client: FrazilClient, producer: number): Promise<number> {
    for (let n = 0; ; n++) {
      const table = tableFromArrays({
        producer: Int32Array.of(producer),
        n: Int32Array.of(n),
      })
      try {
        await client.put('events', table)
      } catch {
        return n
      }
    }
  }

  async function rows(): Promise<{ total: bigint; different: bigint; producer: number }[]> {
    const location = metadataLocation(path.join(data, 'catalog.db'), 'events')
    if (location === undefined) throw new Error('there is no table')
    const found = await (await readTable(location)).query(
      'SELECT producer, count(*) AS total, count(DISTINCT n) AS different FROM rows GROUP BY producer ORDER BY producer',
    )
    return found as { total: bigint; different: bigint; producer: number }[]
  }

  it('drains on SIGTERM under load: every acknowledged row is in the table, once', async () => {
    const running = await start()
    const client = clientOf(running)
    await client.put('events', tableFromArrays({ producer: Int32Array.of(9), n: Int32Array.of(0) }))
    const loads = [0, 1, 2, 3].map((producer) => load(clientOf(running), producer))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await running.stop()).to.equal(0)
    const acknowledged = await Promise.all(loads)
    const found = await rows()
    acknowledged.forEach((count, producer) => {
      const row = found.find((each) => each.producer === producer)
      expect(count).to.be.greaterThan(0)
      expect(row?.different).to.equal(row?.total)
      // A batch may be in whose acknowledgement was cut off.
      expect(Number(row?.different)).to.be.within(count, count + 1)
    })
  })

  it('stops at once at the second SIGTERM, and loses nothing by it', async () => {
    const running = await start()
    const client = clientOf(running)
    await client.put('events', tableFromArrays({ producer: Int32Array.of(1), n: Int32Array.of(0) }))
    // While another process writes to the catalog, the drain's commit has to wait.
    const other = new DatabaseSync(path.join(data, 'catalog.db'))
    other.exec('BEGIN IMMEDIATE')
    const first = running.stop()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const from = performance.now()
    expect(await running.stop()).to.equal(143)
    expect(performance.now() - from).to.be.lessThan(1_000)
    await first
    other.close()
    const again = await start()
    expect(await again.stop()).to.equal(0)
    expect(await rows()).to.deep.equal([{ producer: 1, total: 1n, different: 1n }])
  })

  it('refuses to start on a folder that another process has open, and says which', async () => {
    await start()
    const flags = ['--set', `data=${data}`, '--set', 'flight.port=0', '--set', 'logLevel=error']
    const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, [MAIN, ...flags, 'serve'], (error, _, stderr) =>
        resolve({ code: error?.code, stderr }),
      )
    })
    expect(ended.stderr).to.equal(
      `error: ${path.join(data, 'wal', 'lock')} is held by another process; stop that one first\n`,
    )
    expect(ended.code).to.equal(4)
  })

  it('ends with its own code when fdatasync fails, and the next start has all of it', async () => {
    const running = await start({ nodeArguments: failingSync(6) })
    const acknowledged = await load(clientOf(running), 1)
    expect(await running.ended).to.equal(8)
    const again = await start()
    expect(await again.stop()).to.equal(0)
    const [row] = await rows()
    expect(row?.different).to.equal(row?.total)
    expect(Number(row?.total)).to.be.within(acknowledged, acknowledged + 3)
  })

  it('refuses as retryable while its log is full, and goes on when there is room', async () => {
    const settings = {
      'wal.segmentBytes': '64KiB',
      'wal.logBytesMax': '1MiB',
      'wal.entryBytesMax': '256KiB',
    }
    const running = await start({ settings })
    const client = clientOf(running)
    const batch = tableFromArrays({ n: new Int32Array(8_000) })
    const fill = async () => {
      for (let i = 0; i < 100; i++) await client.put('events', batch)
    }
    const refusal = await fill().catch((error: unknown) => error)
    expect(refusal).to.include({ kind: 'overloaded' })
    await client.flush()
    await client.put('events', batch)
    await client.flush()
    expect(await running.stop()).to.equal(0)
  })
})
