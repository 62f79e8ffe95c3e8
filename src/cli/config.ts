/** `frazil config print|validate`: the effective configuration and where it comes from. */
import type { Command } from 'commander'
import { explainConfig, printConfig } from '../config/print.ts'
import type { Context } from './context.ts'

export function addConfig(program: Command, context: Context): void {
  const config = program.command('config').description('the configuration of the service')
  config
    .command('print')
    .description('show every setting, its value and who set it')
    .action(() => {
      const print = context.options.output === 'json' ? printConfig : explainConfig
      const settings = print(context.config()).map((setting) => ({ ...setting }))
      context.rows(settings, ['key', 'value', 'from'])
    })
  config
    .command('validate')
    .description('check the configuration; the exit code says')
    .action(() => {
      const { file } = context.config()
      context.note(`the configuration is valid${file === undefined ? '' : ` (${file})`}`)
    })
}
