import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import type { EncodeEntry, EncodeJob, ParquetEncoder } from '../../../src/parquet/encoder.ts'
import {
  createWorkerEncoder,
  type WorkerEncoderOptions,
} from '../../../src/parquet/worker-encoder.ts'

/** A thread that does what the first byte of its job's first entry says. */
const PROGRAM = `
  import { parentPort, threadId } from 'node:worker_threads'
  const done = (reason, memoryBytes = 0) =>
    parentPort.postMessage({ kind: 'done', memoryBytes, outcome: { kind: 'undecodable', sequence: 0n, reason } })
  parentPort.on('message', (job) => {
    const { payload } = job.entries[0]
    switch (String.fromCharCode(payload[0])) {
      case 'x': process.exit(3)
      case 'e': throw new Error('thrown')
      case 't': return parentPort.postMessage({ kind: 'trapped', reason: 'unreachable', memoryBytes: 0 })
      case 'T': return parentPort.postMessage({ kind: 'trapped', reason: 'unreachable', memoryBytes: 2 ** 32 })
      case 'f': return parentPort.postMessage({ kind: 'failed', errorKind: 'internal', message: 'a defect' })
      case 'm': { const kept = []; for (;;) kept.push(new Array(1e5).fill({})) }
      case 'w': return
      case 'b': return done('thread ' + threadId, 2 ** 32)
      default: return done('thread ' + threadId)
    }
  })
`
const workerUrl = new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`)

function entry(text: string, sequence = 1n): EncodeEntry {
  const payload = new Uint8Array(Buffer.from(text))
  return { sequence, payload, definitions: [] }
}

function job(...entries: EncodeEntry[]): EncodeJob {
  return {
    schema: { type: 'struct', 'schema-id': 0, fields: [] },
    partitionSpec: { 'spec-id': 0, fields: [] },
    sortOrder: undefined,
    partitionsMax: 1,
    entries,
    settings: { compression: 'zstd', rowGroupRowsMax: 1, targetFileBytes: 1 },
  }
}

describe('the worker encoder', () => {
  const open: ParquetEncoder[] = []

  afterEach(async () => {
    await Promise.all(open.splice(0).map((encoder) => encoder.close()))
  })

  const create = (options: Partial<WorkerEncoderOptions> = {}) => {
    const encoder = createWorkerEncoder({ workers: 1, workerBytesMax: 1e6, workerUrl, ...options })
    open.push(encoder)
    return encoder
  }

  const failure = async (promise: Promise<unknown>): Promise<ServiceError> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof ServiceError)) throw new Error('expected a ServiceError')
    return error
  }

  const thread = async (encoder: ParquetEncoder, text = 'ok') => {
    const outcome = await encoder.encode(job(entry(text)))
    return outcome.kind === 'undecodable' ? outcome.reason : ''
  }

  it('keeps a thread from job to job', async () => {
    const encoder = create()
    expect(await thread(encoder)).to.equal(await thread(encoder))
  })

  it('replaces a thread after its share of input', async () => {
    const encoder = create({ workerBytesMax: 10 })
    const first = await thread(encoder, 'o'.repeat(6))
    expect(await thread(encoder, 'o'.repeat(6))).to.equal(first)
    expect(await thread(encoder)).not.to.equal(first)
  })

  it('replaces a thread whose memory has grown too far', async () => {
    const encoder = create()
    const first = await thread(encoder, 'big')
    expect(await thread(encoder)).not.to.equal(first)
  })

  for (const [what, text] of [
    ['ends', 'x'],
    ['throws', 'e'],
    ['runs out of memory', 'm'],
  ] as const) {
    it(`fails only the job whose thread ${what}`, async () => {
      const encoder = create({ heapBytesMax: 16 * 1024 ** 2 })
      const first = failure(encoder.encode(job(entry(text))))
      const second = thread(encoder)
      expect((await first).kind).to.equal('unavailable')
      expect(await second).to.include('thread')
    })
  }

  it('asks for smaller pieces after a trap, and names an entry that traps alone', async () => {
    const encoder = create()
    const several = await failure(encoder.encode(job(entry('t', 7n), entry('ok', 8n))))
    expect(several.kind).to.equal('unavailable')
    const alone = await encoder.encode(job(entry('t', 7n)))
    expect(alone).to.include({ kind: 'undecodable', sequence: 7n })
  })

  it('does not blame an entry for a trap when memory was short', async () => {
    const error = await failure(create().encode(job(entry('T'))))
    expect(error.kind).to.equal('unavailable')
  })

  it('hands on what the thread says went wrong', async () => {
    const error = await failure(create().encode(job(entry('f'))))
    expect(error).to.include({ kind: 'internal', message: 'a defect' })
  })

  it('refuses more jobs than may wait', async () => {
    const encoder = create({ waitingJobsMax: 1 })
    const first = encoder.encode(job(entry('ok')))
    const second = encoder.encode(job(entry('ok')))
    const third = await failure(encoder.encode(job(entry('ok'))))
    expect(third.kind).to.equal('overloaded')
    expect((await first).kind).to.equal((await second).kind)
  })

  it('works on as many jobs at once as it has threads', async () => {
    const encoder = create({ workers: 2 })
    const stuck = failure(encoder.encode(job(entry('wait'))))
    expect(await thread(encoder)).to.include('thread')
    await encoder.close()
    expect((await stuck).kind).to.equal('closed')
  })

  it('moves a payload that is all of its buffer and copies one that is a part', async () => {
    const whole = entry('ok')
    const shared = Buffer.from('xxokxx')
    const part: EncodeEntry = { ...entry(''), payload: shared.subarray(2, 4) }
    await create().encode(job(whole, part))
    expect(whole.payload.byteLength).to.equal(0)
    expect(shared.toString()).to.equal('xxokxx')
  })

  it('leaves definitions as they are, since other jobs share them', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    await create().encode(job({ ...entry('ok'), definitions: [{ id: 'a', bytes }] }))
    expect([...bytes]).to.deep.equal([1, 2, 3])
  })

  it('fails what waits and what comes after when it is closed, as often as one likes', async () => {
    const encoder = create()
    const running = failure(encoder.encode(job(entry('wait'))))
    const waiting = failure(encoder.encode(job(entry('ok'))))
    await encoder.close()
    await encoder.close()
    const after = failure(encoder.encode(job(entry('ok'))))
    for (const error of [running, waiting, after]) expect((await error).kind).to.equal('closed')
  })
})
