/** `frazil put TABLE FILE…`: sends files as one producer, and says how fast. */
import { type Command, Option } from 'commander'
import type { AckLevel, PutOptions, PutResult } from '../client/index.ts'
import { ServiceError } from '../errors.ts'
import { randomIds } from '../runtime/ids.ts'
import { assignments, type Context, collect } from './context.ts'
import { batchesOf, inputFile, type Reading } from './input-files.ts'
import { formatRate, startProgress } from './progress.ts'
import { explainPut } from './put-failure.ts'

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
  const producerId = flags.producerId ?? randomIds.uuid()
  const reading: Reading = { rows: [] }
  const failed = (thrown: unknown, rows: number) =>
    explainPut(thrown, { files, reading, rows, producerId, isInterrupted: signal.aborted })
  const options: PutOptions = {
    ...optionsOf(flags),
    producer: { id: producerId, sequence: 0n },
    signal,
    onProgress: ({ rows, bytes }) => progress.acknowledged(rows, bytes, io.monotonic() - startedAt),
  }
  try {
    const result = await context.withClient(async (client) => {
      // A put outlasts a restart of the service by waiting; at a wrong address nobody would answer.
      await client.status()
      return client.put(table, batchesOf(files, reading, progress.read), options)
    })
    progress.stop()
    if (reading.failure !== undefined) throw failed(reading.failure, result.rows)
    context.note(`${formatRate(result.rows, io.monotonic() - startedAt)}, ${flags.ack}`)
    if (flags.ack === 'durable' && result.rows > 0) {
      context.note('committed within 5 s (commit.ageMs), or now with `frazil flush`')
    }
    context.rows([rowOf(table, result)], COLUMNS)
  } catch (thrown) {
    progress.stop()
    if (!(thrown instanceof ServiceError) || reading.failure !== undefined) throw thrown
    throw failed(thrown, Number(thrown.context['rows'] ?? 0))
  }
}

function optionsOf({ ack, create, partitionBy, property }: PutFlags): PutOptions {
  return {
    ack,
    ...(create ? {} : { create }),
    ...(partitionBy ? { partitionBy } : {}),
    ...(property ? { properties: assignments(property, '--property') } : {}),
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
