/**
 * Every setting: its name, meaning, unit, bounds and default. Settings are plain data; the parts
 * that they configure are built by `service.ts`. `load.ts` says where the values come from.
 *
 * Each limit of promise P7 is here under a name that ends in `Max`.
 */
import { z } from 'zod'
import { isLoopback } from './loopback.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: KIB,
  mib: MIB,
  gib: GIB,
  tib: 1024 * GIB,
}

/** `134217728`, `"128MiB"` or `"500 MB"`. */
function bytes(min: number, max: number) {
  return z.preprocess((value) => {
    if (typeof value !== 'string') return value
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim())
    const unit = UNITS[(match?.[2] || 'b').toLowerCase()]
    return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : value
  }, z.number('a size in bytes, such as 134217728 or "128MiB"').int().min(min).max(max))
}

/** From the environment and from flags numbers and booleans arrive as text. */
function count(min: number, max: number) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value),
    z.number('a whole number').int().min(min).max(max),
  )
}

const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds: `5000`, `"500ms"`, `"5s"`, `"1m"` or `"2 h"`. */
function duration(min: number, max: number) {
  return z.preprocess((value) => {
    if (typeof value !== 'string') return value
    const match = /^(?:(\d+)|(\d+(?:\.\d+)?)\s*([a-z]+))$/i.exec(value.trim())
    const unit = DURATIONS[(match?.[3] ?? 'ms').toLowerCase()]
    return match && unit !== undefined ? Math.round(Number(match[1] ?? match[2]) * unit) : value
  }, z.number('a time in milliseconds, such as 5000, or "5s"').int().min(min).max(max))
}

function flag() {
  return z.preprocess(
    (value) => (value === 'true' ? true : value === 'false' ? false : value),
    z.boolean('true or false'),
  )
}

interface LogSizes {
  readonly segmentBytes: number
  readonly logBytesMax: number
  readonly entryBytesMax: number
}

const SEGMENT_BYTES_MIN = 64 * KIB
const SEGMENTS_MIN = 3
const SEGMENT_ALIGNMENT = 8

/** What would be refused, or never be accepted, once the log is open. */
function checkLogFits(
  { segmentBytes, logBytesMax, entryBytesMax }: LogSizes,
  context: z.RefinementCtx,
): void {
  const refuse = (key: keyof LogSizes, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message })
  const least = SEGMENTS_MIN * segmentBytes
  const whole = `at least ${SEGMENTS_MIN} x wal.segmentBytes, which is ${least},`
  if (segmentBytes >= SEGMENT_BYTES_MIN && segmentBytes % SEGMENT_ALIGNMENT !== 0) {
    refuse('segmentBytes', `a multiple of ${SEGMENT_ALIGNMENT}`)
  }
  if (logBytesMax < least) {
    refuse('logBytesMax', `${whole} and it is ${logBytesMax}`)
  } else if (logBytesMax < least + entryBytesMax) {
    const sum = `wal.entryBytesMax + ${SEGMENTS_MIN} x wal.segmentBytes, which is ${least + entryBytesMax},`
    refuse('logBytesMax', `at least ${sum} and it is ${logBytesMax}`)
  }
}

/** What the server would refuse to listen on. */
function checkHost(
  { host, allowInsecure }: { readonly host: string; readonly allowInsecure: boolean },
  context: z.RefinementCtx,
): void {
  if (allowInsecure || isLoopback(host)) return
  const message =
    'this machine only (127.0.0.1), as there is no authentication, or flight.allowInsecure=true'
  context.addIssue({ code: 'custom', path: ['host'], message })
}

const HOUR_MS = 3_600_000
const SAFE = Number.MAX_SAFE_INTEGER

export const configSchema = z.strictObject({
  /** Where everything that is not given a place of its own is kept. */
  data: z.string().min(1).default('./.data'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),

  flight: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      /** 0 takes a free port; the ready line says which. */
      port: count(0, 65_535).default(8815),
      /** Serve without authentication on an address that other machines can reach. */
      allowInsecure: flag().default(false),
      /** Largest message that is read: one record batch with its header. */
      messageBytesMax: bytes(64 * KIB, 2 * GIB - 1).default(256 * MIB),
      /** Bytes read from all clients and not yet acknowledged; beyond it reading pauses. */
      inflightBytesMax: bytes(MIB, 64 * GIB).default(256 * MIB),
      /** Batches of one stream that are read and not yet acknowledged. */
      inflightBatchesPerStreamMax: count(1, 10_000).default(64),
      concurrentStreamsPerConnectionMax: count(1, 1_000_000).default(1_000),
      /** HTTP/2 flow control: the library's default of 64 KiB costs five sixths of the speed. */
      windowBytes: bytes(64 * KIB, GIB).default(4 * MIB),
      frameBytes: bytes(16 * KIB, 16 * MIB - 1).default(256 * KIB),
      /** How long a drain waits for open streams before it ends them. */
      drainMs: duration(0, HOUR_MS).default(20_000),
    })
    .superRefine(checkHost)
    .prefault({}),

  ingest: z
    .strictObject({
      /** Create a table from the first stream's schema when it does not exist. */
      createTables: flag().default(true),
      /** Columns at every depth together. */
      columnsMax: count(1, 100_000).default(2_000),
      nestingMax: count(1, 256).default(32),
      batchRowsMax: count(1, 2 ** 31 - 1).default(16_777_216),
      /** Decompressed bytes of one batch, and bytes of one stream's dictionaries together. */
      batchBytesMax: bytes(MIB, 2 * GIB - 1).default(GIB),
      dictionaryBytesMax: bytes(KIB, 2 * GIB - 1).default(64 * MIB),
      /** Store ns timestamps and times as µs, dropping the digits below. Otherwise refused. */
      truncateNanoseconds: flag().default(false),
      /** Store uint64 as decimal(20,0). Otherwise refused. */
      uint64AsDecimal: flag().default(false),
      /** Store durations as long, in their unit. Otherwise refused. */
      durationAsLong: flag().default(false),
    })
    .prefault({}),

  wal: z
    .strictObject({
      /** Default: `wal` below `data`. */
      directory: z.string().min(1).optional(),
      segmentBytes: bytes(SEGMENT_BYTES_MIN, GIB).default(64 * MIB),
      logBytesMax: bytes(MIB, 1024 * GIB).default(8 * GIB),
      /** At least a segment: a log on a full disk needs one more to give room back. */
      diskReserveBytes: bytes(0, 1024 * GIB).default(256 * MIB),
      groupBytesMax: bytes(KIB, GIB).default(16 * MIB),
      groupEntriesMax: count(1, 100_000).default(1_000),
      entryBytesMax: bytes(KIB, 2 * GIB - 1).default(512 * MIB),
      waitingBytesMax: bytes(KIB, 64 * GIB).default(GIB),
      indexLagEntriesMax: count(1, 10_000_000).default(100_000),
      producersMax: count(1, 10_000_000).default(10_000),
      /** Streams (tables) that the log knows at once; one that waits is never forgotten. */
      keysMax: count(1, 10_000_000).default(65_536),
      quarantineEntriesMax: count(1, 1_000_000).default(1_000),
    })
    .superRefine(checkLogFits)
    .prefault({}),

  commit: z
    .strictObject({
      /** A table is committed when its waiting entries reach one of these. */
      bytes: bytes(1, 64 * GIB).default(128 * MIB),
      rows: count(1, SAFE).default(5_000_000),
      ageMs: duration(10, 24 * HOUR_MS).default(5_000),
      /** Most bytes of entries in one commit: bounds the memory of its encoding. */
      groupBytesMax: bytes(MIB, 4 * GIB).default(256 * MIB),
      /** Partitions in one commit: each is a file. Beyond it the group is split after an entry. */
      groupPartitionsMax: count(1, 1_000_000).default(10_000),
      concurrentTablesMax: count(1, 1_000).default(4),
      /** How often waiting entries are looked at. */
      tickMs: duration(5, HOUR_MS).default(100),
      retryBaseMs: duration(1, HOUR_MS).default(100),
      retryCapMs: duration(1, HOUR_MS).default(30_000),
      /** Commit what waits before a drain ends. What is not committed is replayed at the next start. */
      onShutdown: flag().default(true),
    })
    .prefault({}),

  parquet: z
    .strictObject({
      workers: count(1, 256).default(1),
      /** Encoded input after which a worker is replaced: its WebAssembly memory never shrinks. */
      workerBytesMax: bytes(MIB, 1024 * GIB).default(4 * GIB),
      compression: z.enum(['uncompressed', 'snappy', 'gzip', 'lz4_raw', 'zstd']).default('zstd'),
      /** A reader skips no less than a row group, so that selective queries pay for large ones. */
      rowGroupRowsMax: count(1, 2 ** 31 - 1).default(131_072),
      /**
       * Of one column in one row group; beyond it values are written plain. A column of distinct
       * values pays for a dictionary of this size in vain, so it goes with the rows of a group.
       */
      dictionaryBytesMax: bytes(1, GIB).default(256 * KIB),
      /** Encoded bytes of a row group: what the encoder has in memory at a time. */
      rowGroupBytesMax: bytes(64 * KIB, 4 * GIB).default(128 * MIB),
      /** Encoded bytes. A file holds what one commit holds at most: see commit.groupBytesMax. */
      targetFileBytes: bytes(MIB, 50 * GIB).default(128 * MIB),
    })
    .prefault({}),

  catalog: z
    .strictObject({
      kind: z.enum(['sqlite', 'memory']).default('sqlite'),
      /** Default: `catalog.db` below `data`. */
      path: z.string().min(1).optional(),
    })
    .prefault({}),

  /** A directory or a `file:///` URI. Default: `warehouse` below `data`. */
  warehouse: z.string().min(1).optional(),
})

/** What a user may write: everything is optional. */
export type ConfigInput = z.input<typeof configSchema>
/** Complete and checked. */
export type Config = Readonly<z.output<typeof configSchema>>
