/**
 * The crash campaign: a service under load from several producers is killed at random instants and
 * started again; at the end a reader that is not ours counts every producer's rows.
 *
 *     npm run test:crash -- --cycles 200 --seed 7
 *
 * The seed decides the settings, the load and the instants. Exits 1 if a row is missing or double.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  Field,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import { between, seededRandom } from '../../scripts/lib/random.ts'
import { type ServiceProcess, startServiceProcess } from '../../scripts/lib/service-process.ts'
import { connect, type FrazilClient } from '../../src/client/index.ts'
import { metadataLocation, readTable } from '../support/independent-reader.ts'
import { assertCatalogValid } from '../support/metadata-checker.ts'

const TABLES = ['crash_a', 'crash_b'] as const
const PRODUCERS = 4
const BATCH_ROWS_MAX = 200

export interface CrashReport {
  readonly cycles: number
  readonly rows: number
  readonly lost: number
  readonly duplicated: number
  readonly slowestRestartMs: number
}

interface Producer {
  readonly number: number
  readonly table: string
  rows: number
}

const SCHEMA = new Schema([
  new Field('producer', new Int32(), false),
  new Field('n', new Int64(), false),
  new Field('text', new Utf8(), true),
])

export async function crashCampaign(cycles: number, seed: number): Promise<CrashReport> {
  const random = seededRandom(seed)
  const data = await mkdtemp(path.join(tmpdir(), 'frazil-crash-'))
  const settings = {
    'wal.segmentBytes': `${between(random, 1, 16) * 256}KiB`,
    'commit.ageMs': between(random, 50, 500),
    'commit.tickMs': 20,
    'commit.groupBytesMax': `${between(random, 1, 4)}MiB`,
  }
  let service = await startServiceProcess({ data, settings })
  const port = Number(service.address.split(':')[1])
  const client = connect(service.address)
  const stopping = new AbortController()
  const producers = Array.from({ length: PRODUCERS }, (_, number): Producer => {
    return { number, table: TABLES[number % TABLES.length] ?? TABLES[0], rows: 0 }
  })
  const load = producers.map((producer) =>
    produce(client, producer, { random: seededRandom(seed + producer.number + 1), stopping }),
  )
  let slowestRestartMs = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    await new Promise((resolve) => setTimeout(resolve, between(random, 20, 1_200)))
    await service.kill()
    const from = performance.now()
    service = await startServiceProcess({ data, port, settings })
    slowestRestartMs = Math.max(slowestRestartMs, performance.now() - from)
  }
  stopping.abort()
  await Promise.all(load)
  await client.flush()
  client.close()
  const verdict = await verify(data, service, producers)
  await rm(data, { recursive: true, force: true })
  return { cycles, slowestRestartMs: Math.round(slowestRestartMs), ...verdict }
}

/** Writes until told to stop; what it counts is what it was promised to be durable. */
async function produce(
  client: FrazilClient,
  producer: Producer,
  { random, stopping }: { random: () => number; stopping: AbortController },
): Promise<void> {
  const writer = client.writer(producer.table)
  while (!stopping.signal.aborted) {
    const rows = between(random, 1, BATCH_ROWS_MAX)
    await writer.write(batch(producer, rows))
    producer.rows += rows
    await new Promise((resolve) => setTimeout(resolve, between(random, 0, 10)))
  }
  await writer.close()
}

function batch({ number, rows: first }: Producer, rows: number): RecordBatch {
  const children = [
    vectorFromArray(new Int32Array(rows).fill(number)).data[0],
    vectorFromArray(BigInt64Array.from({ length: rows }, (_, i) => BigInt(first + i))).data[0],
    vectorFromArray(
      Array.from({ length: rows }, (_, i) => `row ${first + i}`),
      new Utf8(),
    ).data[0],
  ]
  const data = makeData({
    type: new Struct(SCHEMA.fields),
    length: rows,
    nullCount: 0,
    children: children.filter((child) => child !== undefined),
  })
  return new RecordBatch(SCHEMA, data)
}

/** Stops the service first, so that what is counted is what is on disk. */
async function verify(data: string, service: ServiceProcess, producers: readonly Producer[]) {
  await service.stop()
  await assertCatalogValid(path.join(data, 'catalog.db'))
  let lost = 0
  let duplicated = 0
  for (const table of TABLES) {
    const location = metadataLocation(path.join(data, 'catalog.db'), table)
    if (location === undefined) throw new Error(`table ${table} was never made`)
    const reader = await readTable(location)
    const counts = await reader.query(
      'SELECT producer, count(*) AS total, count(DISTINCT n) AS different, min(n) AS low, max(n) AS high FROM rows GROUP BY producer',
    )
    for (const producer of producers.filter((one) => one.table === table)) {
      const found = counts.find((row) => Number(row['producer']) === producer.number)
      const different = Number(found?.['different'] ?? 0)
      lost += producer.rows - different
      duplicated += Number(found?.['total'] ?? 0) - different
      if (found !== undefined && Number(found['high']) >= producer.rows) {
        throw new Error(`producer ${producer.number} has a row that it never sent`)
      }
    }
  }
  return { rows: producers.reduce((sum, producer) => sum + producer.rows, 0), lost, duplicated }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      cycles: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  })
  console.log(`crash campaign: cycles ${values.cycles}, seed ${values.seed}`)
  const report = await crashCampaign(Number(values.cycles), Number(values.seed))
  console.log(JSON.stringify(report))
  process.exit(report.lost === 0 && report.duplicated === 0 ? 0 : 1)
}
