/**
 * One DoPut: frames out, cumulative acknowledgements in, exactly one end.
 *
 * Promises: `send` resolves when the next frame may be sent, also when the call has ended; `ended`
 * resolves (never rejects) with how. Reading never waits for writing.
 * Does not know: what is in a frame, or that there may be another call after this one.
 */
import { type Metadata, type StatusObject, status } from '@grpc/grpc-js'
import { ServiceError } from '../errors.ts'
import type { FlightChannel, PutStream } from './flight.ts'
import { asBigint, members, parseJson } from './json.ts'
import type { FlightData } from './messages.ts'
import { fromStatus, type RpcFailure } from './status.ts'

/** What the server says, all of it counted from the beginning of this call. */
export interface Ack {
  readonly batches: number
  readonly rows: number
  readonly duplicates: number
  readonly logId: string | undefined
  readonly sequence: bigint | undefined
  readonly snapshotId: bigint | undefined
}

export type PutEnd = { readonly kind: 'ok' } | ({ readonly kind: 'failed' } & RpcFailure)

export class PutCall {
  readonly ended: Promise<PutEnd>
  readonly #stream: PutStream
  #hasEnded = false
  #wake: (() => void) | undefined

  constructor(channel: FlightChannel, onAck: (ack: Ack) => void) {
    this.#stream = channel.put()
    this.ended = new Promise((resolve) => {
      const end = (how: PutEnd): void => {
        this.#hasEnded = true
        this.#wake?.()
        resolve(how)
      }
      this.#stream.on('data', (text: string) => {
        if (this.#hasEnded) return
        try {
          onAck(readAck(text))
        } catch (thrown) {
          end(misbehaved(thrown))
          this.#stream.cancel()
        }
      })
      this.#stream.on('status', ({ code, details, metadata }: StatusObject) => {
        end(code === status.OK ? { kind: 'ok' } : failed(code, details, metadata))
      })
      this.#stream.on('drain', () => this.#wake?.())
      // The status says the same and always comes.
      this.#stream.on('error', () => {})
    })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  async send(frame: FlightData): Promise<void> {
    if (this.#hasEnded || this.#stream.write(frame)) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (this.#hasEnded) resolve()
    })
    this.#wake = undefined
  }

  /** No frame comes after this: the server acknowledges all and ends the call. */
  halfClose(): void {
    if (!this.#hasEnded) this.#stream.end()
  }

  cancel(): void {
    this.#stream.cancel()
  }
}

function failed(code: number, details: string, metadata: Metadata): PutEnd {
  return { kind: 'failed', ...fromStatus(code, details, metadata) }
}

function misbehaved(thrown: unknown): PutEnd {
  const error =
    thrown instanceof ServiceError
      ? thrown
      : new ServiceError('internal', 'an acknowledgement could not be handled', { cause: thrown })
  return { kind: 'failed', error, isRetryable: false, isTransport: false, retryDelayMs: undefined }
}

function readAck(text: string): Ack {
  const ack = members(parseJson(text))
  const { batches, rows, duplicates = 0, log_id: logId } = ack
  if (typeof batches !== 'number' || typeof rows !== 'number' || typeof duplicates !== 'number') {
    throw new ServiceError('internal', 'the server acknowledges without saying what: is it Frazil?')
  }
  return {
    batches,
    rows,
    duplicates,
    logId: typeof logId === 'string' ? logId : undefined,
    sequence: asBigint(ack['sequence']),
    snapshotId: asBigint(ack['snapshot_id']),
  }
}
