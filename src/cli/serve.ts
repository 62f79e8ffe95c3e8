/** `frazil serve`: runs the service until it is told to stop. */
import type { Command } from 'commander'
import type { Context } from './context.ts'

export function addServe(
  program: Command,
  context: Context,
  setExitCode: (code: number) => void,
): void {
  program
    .command('serve')
    .description('run the service in the foreground')
    .action(async () => setExitCode(await context.io.parts.runService(context.config())))
}
