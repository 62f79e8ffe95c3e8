/**
 * The log against an array: whatever callers do, and whenever the power goes, the log holds what
 * the array holds. A crash is a copy of the files while the log is open; the copy goes on.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { openWal, type Wal } from '#wal'
import {
  crashCopy,
  described,
  kind,
  removeTemporaryDirectories,
  temporaryDirectory,
  walOptions,
} from '../support/wal-log.ts'

interface ModelKey {
  live: { sequence: bigint; text: string }[]
  trimmedThrough: bigint
  nextProducerNumber: bigint
}

interface Model {
  keys: Map<string, ModelKey>
  nextSequence: bigint
  quarantined: bigint[]
}

interface Real {
  directory: string
  wal: Wal
  /** Opened before a crash; closed at the end, when nobody looks any more. */
  abandoned: Wal[]
}

type Step = fc.AsyncCommand<Model, Real>

const LIMITS = { segmentBytes: 16 * 1024, logBytesMax: 512 * 1024, quarantineEntriesMax: 1_000 }
const DEFINITIONS = ['a', 'b', 'c'].map((digit) => ({
  id: digit.repeat(32),
  parts: [Buffer.alloc(600, digit)],
}))

function keyOf(model: Model, key: string): ModelKey {
  const known = model.keys.get(key)
  if (known) return known
  const made = { live: [], trimmedThrough: 0n, nextProducerNumber: 0n }
  model.keys.set(key, made)
  return made
}

class Append implements Step {
  readonly entries: readonly { key: string; bytes: number; definitions: readonly number[] }[]
  readonly isFromProducer: boolean
  constructor(entries: Append['entries'], isFromProducer: boolean) {
    this.entries = entries
    this.isFromProducer = isFromProducer
  }
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    const appended = await Promise.all(
      this.entries.map(({ key, bytes, definitions }) => {
        const state = keyOf(model, key)
        const text = `${key}${model.nextSequence}`.padEnd(bytes, '.')
        state.live.push({ sequence: model.nextSequence, text })
        model.nextSequence++
        const producer = { id: 'p', sequence: state.nextProducerNumber }
        if (this.isFromProducer) state.nextProducerNumber++
        return real.wal.append({
          key,
          payload: [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))],
          definitions: definitions.flatMap((i) => DEFINITIONS[i] ?? []),
          ...(this.isFromProducer ? { producer } : {}),
        })
      }),
    )
    const first = model.nextSequence - BigInt(this.entries.length)
    expect(appended).to.deep.equal(
      appended.map((_, i) => ({ sequence: first + BigInt(i), isDuplicate: false })),
    )
  }
  toString = () => `append(${this.entries.map(({ key, bytes }) => `${key}:${bytes}`).join()})`
}

class Retry implements Step {
  readonly key: string
  constructor(key: string) {
    this.key = key
  }
  check = (model: Readonly<Model>) => (model.keys.get(this.key)?.nextProducerNumber ?? 0n) > 0n
  async run(model: Model, real: Real): Promise<void> {
    const next = keyOf(model, this.key).nextProducerNumber
    const send = (sequence: bigint) =>
      real.wal.append({
        key: this.key,
        payload: [],
        definitions: [],
        producer: { id: 'p', sequence },
      })
    expect((await send(next - 1n)).isDuplicate).to.equal(true)
    expect(await kind(send(next + 1n))).to.equal('out-of-sequence')
  }
  toString = () => `retry(${this.key})`
}

class Trim implements Step {
  readonly key: string
  readonly share: number
  constructor(key: string, share: number) {
    this.key = key
    this.share = share
  }
  check = (model: Readonly<Model>) => (model.keys.get(this.key)?.live.length ?? 0) > 0
  async run(model: Model, real: Real): Promise<void> {
    const state = keyOf(model, this.key)
    const through = state.live[Math.floor((state.live.length - 1) * this.share)]?.sequence ?? 0n
    await real.wal.trim(this.key, through)
    state.live = state.live.filter(({ sequence }) => sequence > through)
    if (through > state.trimmedThrough) state.trimmedThrough = through
  }
  toString = () => `trim(${this.key}, ${this.share})`
}

class Quarantine implements Step {
  readonly key: string
  constructor(key: string) {
    this.key = key
  }
  check = (model: Readonly<Model>) => (model.keys.get(this.key)?.live.length ?? 0) > 0
  async run(model: Model, real: Real): Promise<void> {
    const state = keyOf(model, this.key)
    const [entry] = state.live.splice(state.live.length >> 1, 1)
    if (!entry) return
    await real.wal.quarantine(this.key, entry.sequence, 'chosen')
    model.quarantined.push(entry.sequence)
  }
  toString = () => `quarantine(${this.key})`
}

class Reopen implements Step {
  readonly how: 'close' | 'crash'
  readonly isIndexDeleted: boolean
  constructor(how: 'close' | 'crash', isIndexDeleted: boolean) {
    this.how = how
    this.isIndexDeleted = isIndexDeleted
  }
  check = () => true
  async run(_model: Model, real: Real): Promise<void> {
    if (this.how === 'close') {
      await real.wal.close()
    } else {
      real.directory = crashCopy(real.directory)
      real.abandoned.push(real.wal)
    }
    if (this.isIndexDeleted) rmSync(join(real.directory, 'index'), { recursive: true })
    real.wal = await openWal(walOptions(real.directory, LIMITS))
    const { damaged, tornTailBytes } = real.wal.stats().recovery
    expect({ damaged, tornTailBytes }).to.deep.equal({ damaged: [], tornTailBytes: 0 })
  }
  toString = () => `reopen(${this.how}${this.isIndexDeleted ? ', index deleted' : ''})`
}

class Compare implements Step {
  check = () => true
  run = compare
  toString = () => 'compare'
}

async function compare(model: Model, { wal }: Real): Promise<void> {
  for (const [key, { live, trimmedThrough }] of model.keys) {
    const expected = live.map(({ sequence, text }) => `${sequence}:${text}`)
    const read: string[] = []
    let after = 0n
    // In pieces, so that reading on from a sequence is tried as well.
    for (let piece = await wal.read(key, after, 5_000); piece.length > 0; ) {
      read.push(...described(piece))
      after = piece.at(-1)?.sequence ?? after
      piece = await wal.read(key, after, 5_000)
    }
    expect(read).to.deep.equal(expected)
    const state = wal.keys().find((state) => state.key === key)
    expect(state).to.deep.include({ entries: live.length, trimmedThrough })
    expect(state?.firstSequence).to.equal(live[0]?.sequence)
  }
  const { nextSequence, quarantined } = wal.stats()
  expect(nextSequence).to.equal(model.nextSequence)
  expect(quarantined.map(({ sequence }) => sequence)).to.have.members(model.quarantined)
}

const key = fc.constantFrom('a', 'b', 'ab')
const entry = fc.record({
  key,
  bytes: fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 3_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 15_000, max: 40_000 }) },
  ),
  definitions: fc.uniqueArray(fc.nat({ max: 2 }), { maxLength: 3 }),
})

describe('the log against an array', () => {
  after(removeTemporaryDirectories)

  it('holds what was acknowledged, in order, whatever happens', async function () {
    this.timeout(60_000)
    const steps = [
      fc
        .tuple(fc.array(entry, { minLength: 1, maxLength: 8 }), fc.boolean())
        .map(([entries, isFromProducer]) => new Append(entries, isFromProducer)),
      key.map((key) => new Retry(key)),
      fc.tuple(key, fc.double({ min: 0, max: 1, noNaN: true })).map((args) => new Trim(...args)),
      key.map((key) => new Quarantine(key)),
      fc
        .tuple(fc.constantFrom('close' as const, 'crash' as const), fc.boolean())
        .map((args) => new Reopen(...args)),
      fc.constant(new Compare()),
    ]
    await fc.assert(
      fc.asyncProperty(fc.commands<Model, Real, false>(steps, { maxCommands: 40 }), async (run) => {
        const directory = temporaryDirectory()
        const wal = await openWal(walOptions(directory, LIMITS))
        const real: Real = { directory, wal, abandoned: [] }
        const model: Model = { keys: new Map(), nextSequence: 1n, quarantined: [] }
        try {
          await fc.asyncModelRun(() => ({ model, real }), run)
          await compare(model, real)
        } finally {
          for (const open of [real.wal, ...real.abandoned]) await open.close()
          removeTemporaryDirectories()
        }
      }),
      { numRuns: Number(process.env['FRAZIL_PROPERTY_RUNS'] ?? 25) },
    )
  })
})
