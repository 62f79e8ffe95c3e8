/** `frazil wal status`: the log, asked of the running service or read from a directory. */
import type { Command } from 'commander'
import { members } from '../client/json.ts'
import type { Context } from './context.ts'

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
          : members(await context.io.parts.inspectWal(directory))
      context.record(status)
    })
}
