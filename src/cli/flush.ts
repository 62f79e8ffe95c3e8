/** `frazil flush [TABLE]`: commits now what is durable and waits. */
import type { Command } from 'commander'
import type { Context } from './context.ts'

export function addFlush(program: Command, context: Context): void {
  program
    .command('flush')
    .argument('[table]', 'table or namespace.table; all tables when not given')
    .description('commit now what waits to be committed')
    .action(async (table?: string) => {
      const results = await context.withClient((client) => client.flush(table))
      context.rows(results, ['table', 'snapshot_id', 'error'])
    })
}
