/** `frazil wal status`: the log, asked of the running service or read from a directory. */
import type { Command } from 'commander'
import { members } from '../client/json.ts'
import { snakeCase } from '../json.ts'
import type { Context } from './context.ts'
import { formatRows, type Row } from './output.ts'

export function addWal(program: Command, context: Context): void {
  program
    .command('wal')
    .description('the write-ahead log')
    .command('status')
    .option('--directory <directory>', 'read this log, which no service has open')
    .description('show what the log holds, what waits, and what is quarantined')
    .action(async ({ directory }: { directory?: string }) => {
      const status =
        directory === undefined
          ? await context.withClient((client) => client.status())
          : snakeCase(members(await context.io.parts.inspectWal(directory)))
      if (context.options.output === 'json') return context.record(status)
      show(context, status)
      return undefined
    })
}

/** What is single as lines, what there are several of as tables below. */
function show(context: Context, status: Row): void {
  const lists: [string, Row[]][] = []
  const single = (record: Row): Row =>
    Object.fromEntries(
      Object.entries(record).flatMap(([name, value]): [string, unknown][] => {
        if (!Array.isArray(value)) return [[name, isRecord(value) ? single(value) : value]]
        const rows = value.map(members).map(name === 'tables' ? summarize : same)
        if (rows.length > 0) lists.push([name, rows])
        return [[name, rows.length]]
      }),
    )
  context.record(single(status))
  for (const [name, rows] of lists) {
    const columns = [...new Set(rows.flatMap(Object.keys))]
    context.io.stdout.write(`\n${name}\n${formatRows(rows, columns, 'table')}`)
  }
}

/** The counters are in the JSON. */
function summarize(table: Row): Row {
  const { kind, reason } = members(table['state'])
  const { pending_entries, pending_bytes, oldest_age_ms, watermark } = table
  return {
    table: table['table'] ?? table['key'],
    pending_entries,
    pending_bytes,
    oldest_age_ms,
    watermark,
    quarantined: members(table['counters'])['quarantined'],
    state: kind,
    reason,
  }
}

function same(row: Row): Row {
  return row
}

function isRecord(value: unknown): value is Row {
  return typeof value === 'object' && value !== null
}
