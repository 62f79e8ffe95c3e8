/** `frazil snapshots TABLE`: what was committed, and when. */
import type { Command } from 'commander'
import { members } from '../client/json.ts'
import type { Context } from './context.ts'
import type { Row } from './output.ts'

const COLUMNS = ['snapshot_id', 'committed', 'operation', 'added_records', 'total_records', 'files']

export function addSnapshots(program: Command, context: Context): void {
  program
    .command('snapshots')
    .argument('<table>', 'table or namespace.table')
    .description("list a table's snapshots, oldest first")
    .action(async (table: string) => {
      const snapshots = await context.withClient((client) => client.snapshots(table))
      const isJson = context.options.output === 'json'
      context.rows(isJson ? snapshots : snapshots.map(summarize), COLUMNS)
    })
}

function summarize(snapshot: Row): Row {
  const summary = members(snapshot['summary'])
  const at = Number(snapshot['timestamp_ms'])
  return {
    ...snapshot,
    committed: Number.isFinite(at) ? new Date(at).toISOString() : undefined,
    added_records: summary['added-records'],
    total_records: summary['total-records'],
    files: summary['total-data-files'],
  }
}
