/**
 * What the command line is given: streams, environment, and the parts that only the process entry
 * can build. A test hands over its own.
 */
import type { Config } from '../config/schema.ts'
import type { Service } from '../service.ts'

export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean
}

export interface Io {
  /** Data only. */
  readonly stdout: OutputStream
  /** Messages and progress. */
  readonly stderr: OutputStream
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Milliseconds that never go backwards. */
  readonly monotonic: () => number
  /** From now on an interrupt aborts this instead of ending the process. */
  readonly onInterrupt: () => AbortSignal
  /** The first signal to stop calls this; the second ends the process at once. */
  readonly onStop: (stop: () => void) => void
  readonly parts: ServiceParts
}

export interface ServiceParts {
  readonly startService: (config: Config) => Promise<Service>
  /** Reads a log that no process has open. Anything that JSON can say, bigints included. */
  readonly inspectWal: (directory: string) => Promise<unknown>
}

/** Stable and documented: scripts depend on them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  configInvalid: 3,
  /** Another process has the log open: two on one folder are never right. */
  locked: 4,
  unavailable: 5,
  /** Some of it is done and stays done. */
  partial: 6,
  corrupt: 7,
  /** The service's disk failed: it must be started again, which replays. */
  logFailed: 8,
  interrupted: 130,
} as const

/** Ends a command with a message of its own and this code. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}
