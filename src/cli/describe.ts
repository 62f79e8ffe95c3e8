/** `frazil describe TABLE`: its columns, partitioning, properties and place. */
import type { Command } from 'commander'
import { members } from '../client/json.ts'
import type { Context } from './context.ts'
import { formatRows, type Row } from './output.ts'

export function addDescribe(program: Command, context: Context): void {
  program
    .command('describe')
    .argument('<table>', 'table or namespace.table')
    .description('show a table: schema, partitioning, properties, location')
    .action(async (table: string) => {
      const description = await context.withClient((client) => client.describe(table))
      if (context.options.output === 'json') return context.record(description)
      const { schema, ...others } = description
      context.record(others)
      context.io.stdout.write(`\n${formatRows(columnsOf(schema), COLUMNS, 'table')}`)
      return undefined
    })
}

const COLUMNS = ['id', 'column', 'type', 'required']

/** Fields of an Iceberg schema; the children of a nested one stay in its type. */
function columnsOf(schema: unknown): Row[] {
  const { fields } = members(schema)
  if (!Array.isArray(fields)) return []
  return fields.map(members).map(({ id, name, type, required }) => ({
    id,
    column: name,
    type,
    required,
  }))
}
