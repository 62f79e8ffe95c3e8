/**
 * A Frazil in a process of its own, on loopback, to be killed and started again at will.
 * It is only ever signalled by the process id that was started here.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

export interface ServiceProcess {
  readonly pid: number
  /** `host:port` of Flight. */
  readonly address: string
  /** Ends it without warning, as a power switch would end the process. */
  kill(): Promise<void>
  /** Drains; resolves with the exit code. The second call does not wait for the drain. */
  stop(): Promise<number | null>
  /** Resolves with the exit code, whatever ends it. */
  readonly ended: Promise<number | null>
}

export interface ServiceProcessOptions {
  readonly data: string
  /** 0 takes a free one. */
  readonly port?: number
  /** `--set` values by key. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  readonly readyTimeoutMs?: number
  /** Node's own, before the program. */
  readonly nodeArguments?: readonly string[]
}

const MAIN = path.resolve(import.meta.dirname, '../../src/main.js')
const READY_TIMEOUT_MS = 60_000

/** Resolves when the service says that it is ready. */
export async function startServiceProcess(options: ServiceProcessOptions): Promise<ServiceProcess> {
  const settings = {
    data: options.data,
    'flight.port': options.port ?? 0,
    logLevel: 'error',
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const command = [MAIN, '--output', 'json', '--quiet', ...flags, 'serve']
  const child = spawn(process.execPath, [...(options.nodeArguments ?? []), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const address = await readyAddress(child, exited, options.readyTimeoutMs ?? READY_TIMEOUT_MS)
  return {
    pid: child.pid ?? -1,
    address,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    stop: async () => {
      child.kill('SIGTERM')
      await exited
      return child.exitCode
    },
    ended: exited.then(() => child.exitCode),
  }
}

async function readyAddress(
  child: ChildProcess,
  exited: Promise<unknown>,
  timeoutMs: number,
): Promise<string> {
  if (child.stdout === null) throw new Error('the service has no standard output')
  const lines = createInterface({ input: child.stdout })
  const line = once(lines, 'line') as Promise<[string]>
  const timer = AbortSignal.timeout(timeoutMs)
  const first = await Promise.race([
    line,
    exited.then(() => {
      throw new Error(`the service ended with code ${child.exitCode} before it was ready`)
    }),
    once(timer, 'abort').then(() => {
      child.kill('SIGKILL')
      throw new Error(`the service was not ready within ${timeoutMs} ms`)
    }),
  ])
  return (JSON.parse(first[0]) as { flight: string }).flight
}
