/** `frazil put TABLE FILE…`: sends files as one producer, and says how fast. */
import { type Command, Option } from 'commander'
import type { AckLevel, PlanOptions, PutOptions, PutResult } from '../client/index.ts'
import { ServiceError } from '../errors.ts'
import { randomIds } from '../runtime/ids.ts'
import { assignments, type Context, collect } from './context.ts'
import { batchesOf, inputFile, type Reading } from './input-files.ts'
import { formatRate, startProgress } from './progress.ts'
import { explainPut } from './put-failure.ts'

/** What a new table is to be like. */
export interface CreationFlags {
  readonly create?: boolean
  readonly partitionBy?: readonly string[]
  readonly sortBy?: readonly string[]
  readonly formatVersion?: string
  readonly property?: readonly string[]
  readonly identifier?: readonly string[]
}

interface PutFlags extends CreationFlags {
  readonly ack: AckLevel
  readonly producerId?: string
}

const COLUMNS = ['table', 'rows', 'batches', 'duplicates', 'log_id', 'sequence', 'snapshot_id']

export function addPut(program: Command, context: Context): void {
  const command = program
    .command('put')
    .argument('<table>', 'table or namespace.table')
    .argument('<files...>', 'Arrow IPC files or streams, or Parquet')
    .addOption(
      new Option('--ack <level>', 'what to wait for')
        .choices(['durable', 'committed'])
        .default('durable'),
    )
    .option('--no-create', 'fail when the table does not exist')
    .option('--producer-id <id>', 'the same files under the same id are stored once')
    .description('send files into a table')
  addCreationOptions(command).action((table: string, paths: string[], flags: PutFlags) =>
    put(context, table, paths, flags),
  )
}

export function addCreationOptions(command: Command): Command {
  return command
    .option('--partition-by <field>', 'for a new table, such as day(ts); repeatable', collect)
    .option('--sort-by <field>', 'for a new table, such as "ts desc"; repeatable', collect)
    .addOption(new Option('--format-version <n>', 'for a new table').choices(['2', '3']))
    .option('--property <key=value>', 'for a new table; repeatable', collect)
    .option('--identifier <column>', 'for a new table: it tells rows apart; repeatable', collect)
}

export function creationOptions(flags: CreationFlags): PlanOptions {
  const { create = true, partitionBy, sortBy, property, identifier, formatVersion } = flags
  const version = formatVersion === undefined ? {} : { 'format-version': formatVersion }
  const properties = { ...assignments(property ?? [], '--property'), ...version }
  return {
    ...(create ? {} : { create }),
    ...(partitionBy ? { partitionBy } : {}),
    ...(sortBy ? { sortBy } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(identifier ? { identifierFields: identifier } : {}),
  }
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

function optionsOf(flags: PutFlags): PutOptions {
  return {
    ...creationOptions(flags),
    ack: flags.ack,
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
