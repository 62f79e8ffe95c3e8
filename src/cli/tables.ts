/** `frazil tables`: what tables there are. */
import type { Command } from 'commander'
import type { Context } from './context.ts'

export function addTables(program: Command, context: Context): void {
  program
    .command('tables')
    .description('list the tables')
    .action(async () => {
      const tables = await context.withClient((client) => client.tables())
      if (tables.length === 0)
        context.note('there are no tables; `frazil put TABLE FILE` makes one')
      context.rows(
        tables.map((table) => ({ ...table })),
        ['namespace', 'table', 'rows', 'bytes'],
      )
    })
}
