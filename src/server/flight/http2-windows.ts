/**
 * Raises HTTP/2 flow control on the server, through fields of grpc-js that are not public.
 *
 * grpc-js keeps Node's windows of 64 KiB on the server whatever its options say, which costs five
 * sixths of the speed (upstream: grpc-node pull request 3058, to be used once released). If the
 * fields ever move, serving goes on at the old speed and the caller is told; a test fails loudly.
 */
import type { Server } from '@grpc/grpc-js'

export interface WindowOptions {
  /** Of each stream, and of each connection. */
  readonly windowBytes: number
  readonly frameBytes: number
}

interface Session {
  setLocalWindowSize(bytes: number): void
}

interface SessionSource {
  on(event: 'session', listener: (session: Session) => void): void
}

interface ServerInternals {
  commonServerOptions?: { settings?: Record<string, number> }
  http2Servers?: Map<SessionSource, unknown>
}

/** Before binding: what each new connection announces. Returns whether the field was there. */
export function raiseStreamWindows(server: Server, options: WindowOptions): boolean {
  const common = (server as unknown as ServerInternals).commonServerOptions
  if (typeof common !== 'object') return false
  common.settings = {
    ...common.settings,
    initialWindowSize: options.windowBytes,
    maxFrameSize: options.frameBytes,
  }
  return true
}

/** After binding: the window that all streams of a connection share. Returns as above. */
export function raiseConnectionWindows(server: Server, options: WindowOptions): boolean {
  const listeners = (server as unknown as ServerInternals).http2Servers
  if (!(listeners instanceof Map) || listeners.size === 0) return false
  for (const listener of listeners.keys()) {
    listener.on('session', (session) => session.setLocalWindowSize(options.windowBytes))
  }
  return true
}
