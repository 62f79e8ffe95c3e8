/**
 * The thread that encodes: one job at a time, nothing else.
 *
 * Started by `worker-encoder.ts`. Whatever goes wrong is said in the reply; after a trap the
 * parent throws this thread away.
 */
import { parentPort } from 'node:worker_threads'
import { toServiceError } from '../errors.ts'
import { encodeJob, isTrap } from './encode-job.ts'
import type { EncodeJob } from './encoder.ts'
import { boundedUnpack } from './unpack.ts'
import { wasmMemoryBytes, writeWithWasm } from './wasm-writer.ts'
import type { WorkerReply } from './worker-messages.ts'

/** Most bytes that compressed bodies of one job may unpack to. */
const JOB_UNPACKED_BYTES_MAX = 2 ** 31

function run(job: EncodeJob): WorkerReply {
  try {
    const outcome = encodeJob(job, {
      writeParquet: writeWithWasm,
      unpack: () => boundedUnpack(JOB_UNPACKED_BYTES_MAX),
    })
    return { kind: 'done', outcome, memoryBytes: wasmMemoryBytes() }
  } catch (error) {
    if (isTrap(error)) {
      return { kind: 'trapped', reason: error.message, memoryBytes: wasmMemoryBytes() }
    }
    const { kind, message } = toServiceError(error)
    return { kind: 'failed', errorKind: kind, message }
  }
}

const port = parentPort
if (port === null) throw new Error('encode-worker.ts is started by worker-encoder.ts')
port.on('message', (job: EncodeJob) => {
  const reply = run(job)
  const files = reply.kind === 'done' && reply.outcome.kind === 'encoded' ? reply.outcome.files : []
  // The buffers are the files' own: made by `fixFooter`.
  port.postMessage(
    reply,
    files.map((file) => file.bytes.buffer as ArrayBuffer),
  )
})
