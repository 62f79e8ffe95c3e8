/**
 * What every command shares: the global options, a client, and the two ways out (data, messages).
 */
import type { Command } from 'commander'
import pc from 'picocolors'
import { connect, type FrazilClient } from '../client/index.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { ServiceError } from '../errors.ts'
import { CliError, EXIT, type Io } from './io.ts'
import { formatRecord, formatRows, type OutputFormat, type Row } from './output.ts'

export interface GlobalOptions {
  readonly address?: string
  readonly tenant?: string
  readonly output: OutputFormat
  readonly config?: string
  readonly set?: readonly string[]
  readonly color: boolean
  readonly quiet?: boolean
}

export class Context {
  readonly io: Io
  readonly #program: Command

  constructor(io: Io, program: Command) {
    this.io = io
    this.#program = program
  }

  get options(): GlobalOptions {
    return this.#program.opts<GlobalOptions>()
  }

  /** @throws CliError `configInvalid` */
  config(): LoadedConfig {
    const { config: file, set = [] } = this.options
    const { environment } = this.io
    try {
      const flags = assignments(set, '--set')
      return loadConfig({ flags, environment, ...(file === undefined ? {} : { file }) })
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      throw new CliError(EXIT.configInvalid, error.message, error)
    }
  }

  /** Runs with a client that is closed afterwards, however it ends. */
  async withClient<T>(work: (client: FrazilClient) => Promise<T>): Promise<T> {
    const tenant = this.options.tenant ?? this.io.environment['FRAZIL_TENANT']
    const client = connect(this.#address(), tenant === undefined ? {} : { tenant })
    try {
      return await work(client)
    } finally {
      client.close()
    }
  }

  rows(rows: readonly Row[], columns: readonly string[]): void {
    this.io.stdout.write(formatRows(rows, columns, this.options.output))
  }

  record(record: Row): void {
    this.io.stdout.write(formatRecord(record, this.options.output))
  }

  /** For people; nothing with `--quiet`. */
  note(message: string): void {
    if (!this.options.quiet) this.io.stderr.write(`${message}\n`)
  }

  colors(): ReturnType<typeof pc.createColors> {
    const { color } = this.options
    const isWanted = color && !this.io.environment['NO_COLOR'] && this.io.stderr.isTTY === true
    return pc.createColors(isWanted)
  }

  /** As given, else where the configured service listens. */
  #address(): string {
    const given = this.options.address ?? this.io.environment['FRAZIL_ADDRESS']
    if (given !== undefined) return given
    const { host, port } = this.config().config.flight
    const isAny = host === '0.0.0.0' || host === '::'
    const reachable = isAny ? '127.0.0.1' : host
    return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
  }
}

/** `key=value` texts by key; the last one wins. @throws CliError `usage` */
export function assignments(texts: readonly string[], option: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=')
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)]
      throw new CliError(EXIT.usage, `${option} takes key=value, not ${JSON.stringify(text)}`)
    }),
  )
}

/** For options that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}
