/** `frazil put TABLE FILE…`: sends files as one producer, and says how fast. */
import { type Command, Option } from 'commander'
import type { AckLevel, PutOptions, PutResult } from '../client/index.ts'
import { ServiceError } from '../errors.ts'
import { assignments, type Context, collect } from './context.ts'
import { batchesOf, inputFile } from './input-files.ts'
import { CliError, EXIT } from './io.ts'
import { formatRate, startProgress } from './progress.ts'

interface PutFlags {
  readonly ack: AckLevel
  readonly create: boolean
  readonly partitionBy?: readonly string[]
  readonly property?: readonly string[]
  readonly producerId?: string
}

const COLUMNS = ['table', 'rows', 'batches', 'duplicates', 'log_id', 'sequence', 'snapshot_id']

export function addPut(program: Command, context: Context): void {
  program
    .command('put')
    .argument('<table>', 'table or namespace.table')
    .argument('<files...>', 'Arrow IPC files or streams, or Parquet')
    .addOption(
      new Option('--ack <level>', 'what to wait for')
        .choices(['durable', 'committed'])
        .default('durable'),
    )
    .option('--no-create', 'fail when the table does not exist')
    .option('--partition-by <field>', 'for a new table, such as day(ts); repeatable', collect)
    .option('--property <key=value>', 'for a new table; repeatable', collect)
    .option('--producer-id <id>', 'the same files under the same id are stored once')
    .description('send files into a table')
    .action((table: string, paths: string[], flags: PutFlags) => put(context, table, paths, flags))
}

async function put(
  context: Context,
  table: string,
  paths: readonly string[],
  flags: PutFlags,
): Promise<void> {
  // All of them before the first byte is sent: a misspelt name should cost nothing.
  const files = await Promise.all(paths.map(inputFile))
  const { io } = context
  const signal = io.onInterrupt()
  const startedAt = io.monotonic()
  const bytesTotal = files.reduce((sum, { size }) => sum + size, 0)
  const progress = startProgress({ stream: io.stderr, isQuiet: context.options.quiet, bytesTotal })
  const options: PutOptions = {
    ...optionsOf(flags),
    signal,
    onProgress: ({ rows, bytes }) => progress.acknowledged(rows, bytes, io.monotonic() - startedAt),
  }
  try {
    const result = await context.withClient(async (client) => {
      // A put outlasts a restart of the service by waiting; at a wrong address nobody would answer.
      await client.status()
      return client.put(table, batchesOf(files, progress.read), options)
    })
    progress.stop()
    context.note(`${formatRate(result.rows, io.monotonic() - startedAt)}, ${flags.ack}`)
    context.rows([rowOf(table, result)], COLUMNS)
  } catch (thrown) {
    progress.stop()
    throw explain(thrown, signal)
  }
}

function optionsOf({ ack, create, partitionBy, property, producerId }: PutFlags): PutOptions {
  return {
    ack,
    ...(create ? {} : { create }),
    ...(partitionBy ? { partitionBy } : {}),
    ...(property ? { properties: assignments(property, '--property') } : {}),
    ...(producerId === undefined ? {} : { producer: { id: producerId, sequence: 0n } }),
  }
}

function rowOf(table: string, result: PutResult) {
  const { rows, batches, duplicates, logId, sequence, snapshotId } = result
  return {
    table,
    rows,
    batches,
    duplicates,
    log_id: logId,
    sequence,
    snapshot_id: snapshotId,
  }
}

/** What was acknowledged before a failure stays: say how to go on without sending it twice. */
function explain(thrown: unknown, signal: AbortSignal): unknown {
  if (!(thrown instanceof ServiceError)) return thrown
  const rows = Number(thrown.context['rows'] ?? 0)
  const { message } = thrown
  const remedy = `${rows} rows of it are stored; repeat the same command with --producer-id ${thrown.context['producerId']} to send only the others`
  if (signal.aborted) {
    return new CliError(
      EXIT.interrupted,
      rows > 0 ? `interrupted: ${remedy}` : 'interrupted',
      thrown,
    )
  }
  return rows > 0 ? new CliError(EXIT.partial, `${message}; ${remedy}`, thrown) : thrown
}
