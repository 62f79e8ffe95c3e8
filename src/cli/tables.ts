/** `frazil tables`: what tables there are, and what of them waits to be committed. */
import type { Command } from 'commander'
import { members } from '../client/json.ts'
import type { Context } from './context.ts'

export function addTables(program: Command, context: Context): void {
  program
    .command('tables')
    .description('list the tables')
    .action(async () => {
      const [tables, status] = await context.withClient((client) =>
        Promise.all([client.tables(), client.status()]),
      )
      if (tables.length === 0)
        context.note('there are no tables; `frazil put TABLE FILE` makes one')
      const waiting = waitingBytes(status)
      const rows = tables.map((each) => ({
        ...each,
        waiting: waiting.get(`${each.namespace}.${each.table}`) ?? 0,
      }))
      context.rows(rows, ['namespace', 'table', 'rows', 'bytes', 'waiting'])
      if (rows.some(({ waiting }) => waiting > 0)) {
        context.note(
          'WAITING: durable bytes that are not committed yet; `frazil flush` commits now',
        )
      }
    })
}

/** By table. A key is a table with one schema: there may be several of one. */
function waitingBytes({ tables }: Readonly<Record<string, unknown>>): Map<string, number> {
  const waiting = new Map<string, number>()
  for (const { table, pending_bytes: bytes } of Array.isArray(tables) ? tables.map(members) : []) {
    const name = String(table)
    waiting.set(name, (waiting.get(name) ?? 0) + Number(bytes))
  }
  return waiting
}
