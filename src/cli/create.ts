/** `frazil create TABLE --like FILE`: a table with a file's columns, and nothing in it. */
import type { Command } from 'commander'
import type { Context } from './context.ts'
import { batchesOfFile, inputFile } from './input-files.ts'
import { CliError, EXIT } from './io.ts'
import { addCreationOptions, type CreationFlags, creationOptions } from './put.ts'

interface CreateFlags extends CreationFlags {
  readonly like?: string
  readonly schema?: string
}

export function addCreate(program: Command, context: Context): void {
  const command = program
    .command('create')
    .argument('<table>', 'table or namespace.table')
    .option('--like <file>', 'take the columns of this Arrow file or stream, or Parquet file')
    .option('--schema <file>', 'the same as --like')
    .description('create an empty table with the columns of a file')
  addCreationOptions(command).action(async (table: string, flags: CreateFlags) => {
    const path = flags.like ?? flags.schema
    if (path === undefined || (flags.like !== undefined && flags.schema !== undefined)) {
      throw new CliError(EXIT.usage, 'create needs --like FILE (or --schema FILE), once')
    }
    const parts = batchesOfFile(await inputFile(path))
    const created = await context.withClient((client) =>
      client.createTable(table, parts, creationOptions(flags)),
    )
    const { schema: _, ...others } = created
    context.record(context.options.output === 'json' ? created : others)
  })
}
