/**
 * The encoder in worker threads.
 *
 * Promises: a job settles exactly once, whatever happens to its thread; one job a thread at a time,
 * the others wait in order, at most `waitingJobsMax` of them; a thread is replaced once it has
 * taken `workerBytesMax` of input or its memory has grown too far, since it never shrinks.
 * Does not know: Arrow or Parquet.
 */
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import type { EncodeEntry, EncodeJob, EncodeOutcome, ParquetEncoder } from './encoder.ts'
import type { WorkerReply } from './worker-messages.ts'

export interface WorkerEncoderOptions {
  readonly workers: number
  /** Payload bytes after which a thread is replaced. */
  readonly workerBytesMax: number
  /** Jobs that may wait for a thread; beyond it `encode` is refused as `overloaded`. */
  readonly waitingJobsMax?: number
  /** Most bytes of a thread's JavaScript heap; buffers and WebAssembly memory are not part of it. */
  readonly heapBytesMax?: number
  /** Another program for the threads, for tests of their failures. */
  readonly workerUrl?: URL
}

const WAITING_JOBS_MAX = 1_024
const HEAP_BYTES_MAX = 1024 ** 3
/** WebAssembly memory beyond which a thread is replaced, and a trap may be for want of memory. */
const MEMORY_BYTES_MAX = 1.5 * 1024 ** 3

interface Waiting {
  readonly job: EncodeJob
  readonly resolve: (outcome: EncodeOutcome) => void
  readonly reject: (error: ServiceError) => void
}

interface Thread {
  readonly worker: Worker
  current: Waiting | undefined
  bytes: number
}

export function createWorkerEncoder(options: WorkerEncoderOptions): ParquetEncoder {
  return new WorkerEncoder(options)
}

class WorkerEncoder implements ParquetEncoder {
  readonly #options: WorkerEncoderOptions
  readonly #threads = new Set<Thread>()
  readonly #waiting: Waiting[] = []
  readonly #ending = new Set<Promise<unknown>>()
  #isClosed = false

  constructor(options: WorkerEncoderOptions) {
    this.#options = options
  }

  encode(job: EncodeJob): Promise<EncodeOutcome> {
    if (this.#isClosed) return Promise.reject(closed())
    const waitingJobsMax = this.#options.waitingJobsMax ?? WAITING_JOBS_MAX
    if (this.#waiting.length >= waitingJobsMax) {
      const message = `${waitingJobsMax} jobs wait for the parquet encoder: try again later`
      return Promise.reject(new ServiceError('overloaded', message))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject })
      this.#dispatch()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closed())
    for (const thread of this.#threads) this.#end(thread, closed())
    await Promise.all(this.#ending)
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idleThread()
      if (!thread) return
      const waiting = this.#waiting.shift() as Waiting
      thread.current = waiting
      thread.bytes += payloadBytes(waiting.job)
      try {
        const { job, transfer } = packJob(waiting.job)
        // A process with nothing else to do must wait for its answer, and not for an idle thread.
        thread.worker.ref()
        thread.worker.postMessage(job, transfer)
      } catch (cause) {
        thread.current = undefined
        waiting.reject(
          new ServiceError('internal', 'a job cannot be sent to its thread', { cause }),
        )
      }
    }
  }

  #idleThread(): Thread | undefined {
    for (const thread of this.#threads) if (!thread.current) return thread
    return this.#threads.size < this.#options.workers ? this.#start() : undefined
  }

  #start(): Thread {
    const worker = new Worker(
      this.#options.workerUrl ?? new URL('./encode-worker.js', import.meta.url),
      {
        resourceLimits: {
          maxOldGenerationSizeMb: (this.#options.heapBytesMax ?? HEAP_BYTES_MAX) / 1024 ** 2,
        },
      },
    )
    const thread: Thread = { worker, current: undefined, bytes: 0 }
    this.#threads.add(thread)
    worker.unref()
    worker.on('message', (reply: WorkerReply) => this.#onReply(thread, reply))
    worker.on('error', (cause) => {
      this.#end(thread, died(`its thread failed: ${cause.message}`, cause))
    })
    worker.on('exit', (code) => this.#end(thread, died(`its thread ended with code ${code}`)))
    return thread
  }

  #onReply(thread: Thread, reply: WorkerReply): void {
    const waiting = thread.current
    // After `close`, or from a thread that was already given up.
    if (!waiting) return
    thread.current = undefined
    thread.worker.unref()
    switch (reply.kind) {
      case 'done':
        waiting.resolve(reply.outcome)
        if (thread.bytes >= this.#options.workerBytesMax || reply.memoryBytes > MEMORY_BYTES_MAX) {
          this.#end(thread)
        }
        break
      case 'trapped':
        settleTrap(waiting, reply)
        this.#end(thread)
        break
      case 'failed':
        waiting.reject(new ServiceError(reply.errorKind, reply.message))
        break
    }
    this.#dispatch()
  }

  /** Gives a thread up; its job, if it has one, fails with `error`. */
  #end(thread: Thread, error?: ServiceError): void {
    if (!this.#threads.delete(thread)) return
    const { current } = thread
    thread.current = undefined
    if (current && error) current.reject(error)
    const ending = thread.worker.terminate().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
    if (!this.#isClosed) this.#dispatch()
  }
}

function settleTrap(
  { job, resolve, reject }: Waiting,
  { reason, memoryBytes }: Extract<WorkerReply, { kind: 'trapped' }>,
): void {
  const [entry, ...others] = job.entries
  // Alone and with memory to spare, the entry is what it trips over, every time.
  if (entry && others.length === 0 && memoryBytes < MEMORY_BYTES_MAX) {
    resolve({
      kind: 'undecodable',
      sequence: entry.sequence,
      reason: `the encoder trapped: ${reason}`,
    })
  } else {
    reject(died(`the encoder trapped: ${reason}`))
  }
}

function payloadBytes({ entries }: EncodeJob): number {
  return entries.reduce((sum, { payload }) => sum + payload.length, 0)
}

/**
 * The job as it is posted. A payload that is all of its buffer is moved; one that is a part of it
 * is copied, since the rest is not ours. Definitions are sent once however many entries share them.
 */
function packJob(job: EncodeJob): { readonly job: EncodeJob; readonly transfer: ArrayBuffer[] } {
  const transfer = new Set<ArrayBuffer>()
  const definitions = new Map<string, EncodeEntry['definitions'][number]>()
  const share = (definition: EncodeEntry['definitions'][number]) => {
    const known = definitions.get(definition.id)
    if (known) return known
    const own = { id: definition.id, bytes: new Uint8Array(definition.bytes) }
    definitions.set(definition.id, own)
    return own
  }
  const entries = job.entries.map((entry) => {
    const { buffer, byteLength } = entry.payload
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    const payload = isWhole ? entry.payload : new Uint8Array(entry.payload)
    transfer.add(payload.buffer as ArrayBuffer)
    return { sequence: entry.sequence, payload, definitions: entry.definitions.map(share) }
  })
  return { job: { ...job, entries }, transfer: [...transfer] }
}

function died(what: string, cause?: unknown): ServiceError {
  return new ServiceError('unavailable', `parquet: ${what}; try again with fewer entries`, {
    cause,
  })
}

function closed(): ServiceError {
  return new ServiceError('closed', 'the parquet encoder is closed')
}
