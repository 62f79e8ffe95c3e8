/** `frazil version`. */
import type { Command } from 'commander'
import { VERSION } from '../runtime/version.ts'
import type { Context } from './context.ts'

export function addVersion(program: Command, context: Context): void {
  program
    .command('version')
    .description('show the version')
    .action(() => {
      context.record({ frazil: VERSION, node: process.versions.node })
    })
}
