/**
 * Frazil's main job on real data, crash included: three million flights are put through Flight, the
 * service is killed without warning in the middle and started again, and DuckDB counts the table.
 *
 *     npm run demo
 *
 * Ends by itself; exits 1 if a single row is missing or double.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect, type FrazilClient } from '../src/client/index.ts'
import { metadataLocation, readTable } from '../test/support/independent-reader.ts'
import { startServiceProcess } from './lib/service-process.ts'

const MAIN = path.resolve(import.meta.dirname, '../src/main.js')
const DATA_SET = path.resolve(import.meta.dirname, '../../node_modules/vega-datasets/data')
const FILE = 'flights-3m.parquet'
const ROWS = 3_000_000
/** Log entries after which the power goes: about half of the file. */
const KILL_AT_SEQUENCE = 12
const SETTINGS = { 'commit.ageMs': 1_000 }

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The command line puts the file; its progress bar is the demo's. Resolves with the exit code. */
async function put(address: string): Promise<number> {
  const command = [MAIN, '--address', address, 'put', 'flights', path.join(DATA_SET, FILE)]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit'] })
  await once(child, 'exit')
  return child.exitCode ?? 1
}

/** Resolves when the log has taken about half of what will come. */
async function untilHalf(client: FrazilClient): Promise<number> {
  for (;;) {
    const { log } = (await client.status()) as { log: { next_sequence: number } }
    if (log.next_sequence > KILL_AT_SEQUENCE) return log.next_sequence - 1
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function main(): Promise<number> {
  const data = await mkdtemp(path.join(tmpdir(), 'frazil-demo-'))
  say(`1. Start Frazil; its data is in ${data}`)
  const first = await startServiceProcess({ data, settings: SETTINGS })
  const port = Number(first.address.split(':')[1])
  const client = connect(first.address)

  say(`2. Put ${ROWS.toLocaleString('en')} flights (${FILE}) into the table flights`)
  const done = put(first.address)
  const logged = await untilHalf(client)
  await first.kill()
  say(`\n3. Killed it (SIGKILL) with ${logged} batches acknowledged or on their way`)
  const restarting = performance.now()
  const second = await startServiceProcess({ data, port, settings: SETTINGS })
  const seconds = ((performance.now() - restarting) / 1000).toFixed(1)
  say(`4. Started again in ${seconds} s; the log is replayed and the client goes on`)
  const code = await done
  if (code !== 0) throw new Error(`frazil put ended with code ${code}`)
  await client.flush('flights')
  const snapshots = await client.snapshots('flights')
  client.close()
  await second.stop()
  return verify(data, snapshots)
}

async function verify(
  data: string,
  snapshots: readonly Readonly<Record<string, unknown>>[],
): Promise<number> {
  const location = metadataLocation(path.join(data, 'catalog.db'), 'flights')
  if (location === undefined) throw new Error('the table was never made')
  const table = await readTable(location)
  say('5. Snapshots:')
  for (const { snapshot_id: id, summary } of snapshots) {
    const { 'added-records': added, 'total-records': total } = summary as Record<string, string>
    say(`     ${String(id).padEnd(18)} +${String(added).padStart(9)} rows = ${total}`)
  }
  const megabytes = table.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
  say(`   ${table.files.length} Parquet files, ${megabytes.toFixed(1)} MB`)
  const [counted] = await table.query('SELECT count(*) AS rows FROM rows')
  const [difference] = await table.query(differenceQuery(path.join(DATA_SET, FILE)))
  const rows = Number(counted?.['rows'])
  const wrong = Number(difference?.['missing']) + Number(difference?.['extra'])
  say(`6. DuckDB counts ${rows.toLocaleString('en')} rows; missing or double: ${wrong}`)
  say(`
   Open it:
     duckdb   SELECT * FROM iceberg_scan('${location}');
     python   from pyiceberg.catalog.sql import SqlCatalog
              SqlCatalog("default", uri="sqlite:///${data}/catalog.db",
                         warehouse="file://${data}/warehouse").load_table("default.flights").scan().to_arrow()
   Delete it:
     rm -r ${data}
`)
  return rows === ROWS && wrong === 0 ? 0 : 1
}

/** Rows are compared as a multiset, in DuckDB: what was sent against what the table has. */
function differenceQuery(source: string): string {
  const columns = 'date, delay, distance, origin, destination'
  const sent = `SELECT ${columns} FROM read_parquet('${source}')`
  const found = `SELECT ${columns} FROM rows`
  return `SELECT (SELECT count(*) FROM (${sent} EXCEPT ALL ${found})) AS missing,
                 (SELECT count(*) FROM (${found} EXCEPT ALL ${sent})) AS extra`
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error)
    return 1
  }),
)
