/** `frazil plan TABLE FILE`: what sending the file would do to the table, without sending it. */
import type { Command } from 'commander'
import type { TablePlan } from '../client/index.ts'
import { type Context } from './context.ts'
import { batchesOfFile, inputFile } from './input-files.ts'
import { CliError, EXIT } from './io.ts'
import { addCreationOptions, type CreationFlags, creationOptions } from './put.ts'

const COLUMNS = ['path', 'arrow', 'action', 'iceberg', 'field_id', 'required', 'reason']

export function addPlan(program: Command, context: Context): void {
  const command = program
    .command('plan')
    .argument('<table>', 'table or namespace.table')
    .argument('<file>', 'Arrow IPC file or stream, or Parquet')
    .option('--no-create', 'fail when the table does not exist')
    .description('say what sending a file would do: created, added, widened, refused')
  addCreationOptions(command).action(async (table: string, path: string, flags: CreationFlags) => {
    const parts = batchesOfFile(await inputFile(path))
    const plan = await context.withClient((client) =>
      client.plan(table, parts, creationOptions(flags)),
    )
    show(context, plan)
    if (plan.outcome === 'refused') {
      throw new CliError(EXIT.failure, `it would be refused: ${plan.reason}`)
    }
  })
}

function show(context: Context, { details, columns }: TablePlan): void {
  if (context.options.output === 'json') return context.record(details)
  const { table, outcome, format_version, evolution, changes } = details
  context.record({ table, outcome, format_version, evolution, changes })
  context.io.stdout.write('\n')
  return context.rows(
    columns.map((column) => ({ ...column })),
    COLUMNS,
  )
}
