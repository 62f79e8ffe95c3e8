/**
 * A client of one Frazil service: puts Arrow into tables, and asks about them.
 *
 * Promises: a put resolves when what it sent is durable (or committed), exactly once, however often
 * the connection was lost meanwhile. What fails, fails with a ServiceError whose kind says what to do.
 * Does not know: files, formats other than Arrow, the service's insides.
 */
import { ServiceError } from '../errors.ts'
import { DEFAULT_NAMESPACE, DEFAULT_TENANT, formatTable, parseTable } from '../names.ts'
import { systemClock } from '../runtime/clock.ts'
import { randomIds } from '../runtime/ids.ts'
import { FlightChannel } from './flight.ts'
import { formatJson, members, parseJson } from './json.ts'
import type { Descriptor } from './messages.ts'
import {
  type ArrowSource,
  CLIENT_DEFAULTS,
  type ClientOptions,
  type PlanOptions,
  type PutOptions,
  type PutResult,
} from './options.ts'
import { readPlan, schemaOf, type TablePlan } from './plan.ts'
import { partsOf } from './sources.ts'
import { TableWriter } from './writer.ts'

export interface ListedTable {
  readonly namespace: string
  readonly table: string
  /** Committed; undefined when the server does not say. */
  readonly rows: bigint | undefined
  readonly bytes: bigint | undefined
}

/** A producer's name and the number of its next batch, for one table. */
interface Producer {
  readonly id: string
  next: bigint
  isBusy: boolean
}

/** @throws ServiceError `invalid` for an address that is not one. Connects at the first call. */
export function connect(address: string, options: ClientOptions = {}): FrazilClient {
  return new FrazilClient(address, options)
}

export class FrazilClient {
  readonly #channel: FlightChannel
  readonly #options: Required<Omit<ClientOptions, 'tenant'>>
  readonly #writers = new Set<TableWriter>()
  readonly #producers = new Map<string, Producer>()
  #isClosed = false

  constructor(address: string, options: ClientOptions) {
    const defaults = { ...CLIENT_DEFAULTS, clock: systemClock, random: randomFraction }
    this.#options = { ...defaults, ...options }
    this.#channel = new FlightChannel(address, options.tenant, this.#options.clock)
  }

  /**
   * Resolves when every row of the source is durable, or committed if `ack` says so. The source is
   * read no faster than the server acknowledges.
   *
   * @throws ServiceError; `context.rows` of the source are acknowledged all the same.
   */
  async put(table: string, source: ArrowSource, options: PutOptions = {}): Promise<PutResult> {
    const writer = this.writer(table, options)
    try {
      for await (const part of partsOf(source)) await writer.write(part)
    } catch (thrown) {
      writer.abort()
      const end: unknown = await writer.close().catch((error: unknown) => error)
      throw withProgress(thrown, end)
    }
    return writer.close()
  }

  /** A stream into one table, for a program that has its batches bit by bit. */
  writer(table: string, options: PutOptions = {}): TableWriter {
    if (this.#isClosed) throw new ServiceError('closed', 'this client is closed')
    const path = pathOf(table, options.namespace)
    const producer = this.#producerFor(path.join('.'), options)
    const { clock, random, retryMsMax, connectMsMax } = this.#options
    const context = {
      channel: this.#channel,
      descriptor: descriptorOf(path, options),
      producer: { id: producer.id, firstSequence: producer.next },
      retryMsMax,
      connectMsMax,
      clock,
      random,
      onSettled: (next: bigint | undefined) => {
        this.#writers.delete(writer)
        this.#settle(path.join('.'), producer, next)
      },
    }
    const writer = new TableWriter(context, options)
    this.#writers.add(writer)
    return writer
  }

  /**
   * What putting the source would do to the table, column by column; nothing is sent but its
   * schema, and nothing is changed. A refusal is an answer: `outcome` says so.
   */
  async plan(table: string, source: ArrowSource, options: PlanOptions = {}): Promise<TablePlan> {
    const { header } = await schemaOf(partsOf(source))
    const request = { ...commandOf(pathOf(table, options.namespace), options), plan: true }
    const schema = Buffer.from(header).toString('base64')
    const command = formatJson({ ...request, schema })
    const descriptor = { kind: 'command', command } as const
    return readPlan(await this.#channel.schema(descriptor, this.#options.requestMsMax))
  }

  /**
   * Makes an empty table with the columns of the source, of which only the schema is sent.
   * Resolves with its description.
   *
   * @throws ServiceError `already-exists`; `schema-mismatch` or `invalid` when there can be none.
   */
  async createTable(
    table: string,
    source: ArrowSource,
    options: Omit<PlanOptions, 'create'> = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const { header } = await schemaOf(partsOf(source))
    const schema = Buffer.from(header).toString('base64')
    return this.#ask('create', { ...commandOf(pathOf(table, options.namespace), options), schema })
  }

  /** The tenant's tables. */
  async tables(): Promise<ListedTable[]> {
    const infos = await this.#channel.list(this.#options.requestMsMax)
    return infos.map(({ path, totalRecords, totalBytes }) => ({
      namespace: path.slice(0, -1).join('.') || DEFAULT_NAMESPACE,
      table: path.at(-1) ?? '',
      rows: totalRecords < 0n ? undefined : totalRecords,
      bytes: totalBytes < 0n ? undefined : totalBytes,
    }))
  }

  /** Schema, partitioning, properties, location and current snapshot, as the server's JSON. */
  describe(table: string): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask('describe', { table: pathOf(table).join('.') })
  }

  /** The table's snapshots, oldest first. */
  async snapshots(table: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const answer = await this.#action('snapshots', { table: pathOf(table).join('.') })
    return (Array.isArray(answer[0]) ? answer[0] : answer).map(members)
  }

  /** Resolves when everything that was durable before is committed: one table, or all. */
  async flush(table?: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const body = table === undefined ? {} : { table: pathOf(table).join('.') }
    const answer = await this.#action('flush', body, this.#options.flushMsMax)
    return answer.map(members)
  }

  /** What the service says of itself and its log. */
  status(): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask('status', {})
  }

  /** Stops what is running, which rejects as `closed`, and disconnects. Safe to call twice. */
  close(): void {
    this.#isClosed = true
    for (const writer of this.#writers) writer.abort()
    this.#channel.close()
  }

  async #ask(type: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const [answer] = await this.#action(type, body)
    return members(answer)
  }

  async #action(type: string, body: object, msMax?: number): Promise<unknown[]> {
    const timeoutMs = msMax ?? this.#options.requestMsMax
    const results = await this.#channel.action(type, formatJson(body), timeoutMs)
    return results.map(parseJson)
  }

  /** One name is used by one writer of a table at a time: its numbers are one sequence. */
  #producerFor(table: string, { producer: given }: PutOptions): Producer {
    if (given) return { id: given.id, next: given.sequence, isBusy: true }
    const known = this.#producers.get(table)
    if (known && !known.isBusy) {
      known.isBusy = true
      return known
    }
    const producer = { id: randomIds.uuid(), next: 0n, isBusy: true }
    if (!known) this.#producers.set(table, producer)
    return producer
  }

  #settle(table: string, producer: Producer, next: bigint | undefined): void {
    producer.isBusy = false
    if (next !== undefined) producer.next = next
    // After a failure nobody knows which numbers are taken: the next put starts under a new name.
    else if (this.#producers.get(table) === producer) this.#producers.delete(table)
  }
}

/** The source's failure, and how far the stream had come. */
function withProgress(thrown: unknown, end: unknown): unknown {
  if (!(thrown instanceof ServiceError) || !(end instanceof ServiceError)) return thrown
  const context = { ...end.context, ...thrown.context }
  return new ServiceError(thrown.kind, thrown.message, { context, cause: thrown.cause })
}

function randomFraction(): number {
  return Number(randomIds.snapshotId()) / 2 ** 53
}

function pathOf(table: string, namespace?: string): string[] {
  const dotted = namespace === undefined ? table : `${namespace}.${table}`
  return formatTable(parseTable(DEFAULT_TENANT, dotted)).split('.')
}

/** A path when that says it all: any Flight server understands one. */
function descriptorOf(path: readonly string[], options: PutOptions): Descriptor {
  const { ack, create, partitionBy, sortBy, properties, identifierFields } = options
  const asked = [create, partitionBy, sortBy, properties, identifierFields]
  const isPlain = ack !== 'committed' && asked.every((value) => value === undefined)
  if (isPlain) return { kind: 'path', path }
  return { kind: 'command', command: formatJson({ ...commandOf(path, options), ack }) }
}

function commandOf(path: readonly string[], options: PlanOptions) {
  return {
    namespace: path.slice(0, -1).join('.'),
    table: path.at(-1),
    create: options.create,
    partition_by: options.partitionBy,
    sort_by: options.sortBy,
    properties: options.properties,
    identifier_fields: options.identifierFields,
  }
}
