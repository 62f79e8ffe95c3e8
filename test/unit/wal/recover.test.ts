/**
 * Every byte of a small log is damaged in turn, in two ways, and recovery has to account for every
 * acknowledged entry. The decision is pure, so most of it runs without a disk; a sample of the same
 * damage then goes through a whole opening.
 */
import { rmSync } from 'node:fs'
import { expect } from 'chai'
import type { AppendRequest } from '#wal'
import { chainedCrc } from '../../../wal/frame.ts'
import type { RecoveredLog } from '../../../wal/rebuild.ts'
import { recoverLog } from '../../../wal/recover.ts'
import { type ScannedSegment, scanSegment } from '../../../wal/scan.ts'
import {
  crashCopy,
  readAll,
  readSegment,
  removeTemporaryDirectories,
  segmentNames,
  temporaryDirectory,
  walOptions,
  withWal,
  writeSegment,
} from '../../support/wal-log.ts'

const LIMITS = { segmentBytes: 16 * 1024, logBytesMax: 512 * 1024 }
const DEFINITION = { id: 'd'.repeat(32), parts: [Buffer.from('a schema')] }

interface Image {
  readonly directory: string
  readonly segments: ReadonlyMap<string, Buffer>
  readonly scanned: readonly ScannedSegment[]
  /** Bytes of the live acknowledged entries, by sequence. */
  readonly acknowledged: ReadonlyMap<bigint, string>
  /** The first sequence of the last group: only a crash image has one that may be torn. */
  readonly lastGroup: bigint
  readonly startedOrdinal: number
}

function request(i: number): AppendRequest {
  return {
    key: i % 3 === 0 ? 'b' : 'a',
    payload: [Buffer.from(`entry ${i} `.repeat(40))],
    definitions: i % 2 === 0 ? [DEFINITION] : [],
  }
}

/** Several segments, one of them recycled over older frames, then a group that is the last. */
async function buildImage(isClosed: boolean): Promise<Image> {
  const original = temporaryDirectory()
  const acknowledged = new Map<bigint, string>()
  let directory = original
  let lastGroup = 0n
  await withWal(walOptions(original, LIMITS), async (wal) => {
    const append = async (i: number) => {
      const { payload, key } = request(i)
      const { sequence } = await wal.append(request(i))
      acknowledged.set(sequence, `${key}:${Buffer.concat([...payload]).toString()}`)
      return sequence
    }
    for (let i = 0; i < 66; i++) await append(i)
    await wal.trim('a', 62n)
    await wal.trim('b', 61n)
    for (let i = 66; i < 78; i++) await append(i)
    for (const sequence of acknowledged.keys()) {
      const [key] = acknowledged.get(sequence)?.split(':') ?? []
      if (sequence <= (key === 'a' ? 62n : 61n)) acknowledged.delete(sequence)
    }
    const last = await Promise.all([78, 79, 80].map((i) => append(i)))
    lastGroup = last[0] ?? 0n
    if (!isClosed) directory = crashCopy(original)
  })
  const segments = new Map(
    segmentNames(directory).map((name) => [name, readSegment(directory, name)]),
  )
  const scanned = [...segments].flatMap(([name, bytes]) => scanSegment(name, bytes) ?? [])
  const startedOrdinal = Math.max(...scanned.map(({ life }) => life.ordinal))
  return { directory, segments, scanned, acknowledged, lastGroup, startedOrdinal }
}

function recover(image: Image, name: string, bytes: Buffer): RecoveredLog {
  const others = image.scanned.filter(({ file }) => file !== name)
  const changed = scanSegment(name, bytes)
  const { startedOrdinal } = image
  return recoverLog(changed ? [...others, changed] : others, {
    producersMax: 100,
    startedOrdinal,
    segmentBytes: LIMITS.segmentBytes,
    released: [],
  })
}

/** 0 for a file that is free: what stands there is nobody's any more. */
function usedEnd(image: Image, file: string): number {
  const { segments } = recover(image, '', Buffer.alloc(0))
  return segments.find((segment) => segment.file === file)?.end ?? 0
}

/** Fails when an acknowledged entry is lost in silence, wrong, or made up. */
function account(image: Image, changed: { name: string; bytes: Buffer }, isClosed: boolean): void {
  const log = recover(image, changed.name, changed.bytes)
  const found = new Map([...log.entries.values()].flat().map((entry) => [entry.sequence, entry]))
  for (const [sequence, text] of image.acknowledged) {
    const entry = found.get(sequence)
    if (!entry) {
      const mayBeTorn = !isClosed && sequence >= image.lastGroup
      if (log.damaged.length === 0 && !mayBeTorn) throw new Error(`entry ${sequence} is gone`)
      continue
    }
    if (!entry.isIntact) {
      if (log.damaged.length === 0) throw new Error(`entry ${sequence} is bad in silence`)
      continue
    }
    const file = log.segments.find(({ ordinal }) => ordinal === entry.ordinal)?.file ?? ''
    const bytes = file === changed.name ? changed.bytes : image.segments.get(file)
    const start = entry.offset + entry.headBytes
    const payload = bytes?.toString('utf8', start, start + entry.payloadBytes) ?? ''
    if (`${entry.key}:${payload}` !== text) throw new Error(`entry ${sequence} has other bytes`)
  }
  for (const sequence of found.keys()) {
    if (!image.acknowledged.has(sequence)) {
      // Trims that were damaged may let trimmed entries live again; that is reported.
      if (log.damaged.length === 0) throw new Error(`entry ${sequence} was trimmed or never there`)
    }
    if (sequence >= log.nextSequence) throw new Error(`sequence ${sequence} would be used again`)
  }
  if (isClosed && log.nextSequence < 82n) throw new Error(`${log.nextSequence} is used again`)
}

describe('recovery', () => {
  let closed: Image
  let crashed: Image

  before(async () => {
    closed = await buildImage(true)
    crashed = await buildImage(false)
  })
  after(removeTemporaryDirectories)

  it('starts from an image with recycled segments and several lives', () => {
    expect(closed.segments.size).to.be.greaterThan(2)
    const log = recover(closed, '', Buffer.alloc(0))
    expect(log.damaged).to.deep.equal([])
    expect(log.tornTailBytes).to.equal(0)
    expect([...log.entries.values()].flat().length).to.equal(closed.acknowledged.size)
    const lives = [...closed.segments.values()].map((bytes) => {
      const ordinals = new Set<number>()
      for (let at = 0; at + 40 < bytes.length; at += 8) {
        if (bytes.toString('latin1', at, at + 4) !== 'FZLg') continue
        ordinals.add(Number(bytes.readBigUInt64LE(at + 32)))
      }
      return ordinals.size
    })
    expect(Math.max(...lives)).to.be.greaterThan(1)
  })

  for (const isClosed of [true, false]) {
    const name = isClosed ? 'closed' : 'crashed'

    it(`accounts for every entry with a bit flipped at any byte of a ${name} log`, function () {
      this.timeout(60_000)
      const image = isClosed ? closed : crashed
      for (const [file, bytes] of image.segments) {
        const end = usedEnd(image, file)
        for (let at = 0; at < end; at++) {
          const flipped = bytes.readUInt8(at)
          bytes.writeUInt8(flipped ^ (1 << (at & 7)), at)
          account(image, { name: file, bytes }, isClosed)
          bytes.writeUInt8(flipped, at)
        }
      }
    })

    it(`accounts for every entry with any segment of a ${name} log cut at any byte`, function () {
      this.timeout(60_000)
      const image = isClosed ? closed : crashed
      for (const [file, bytes] of image.segments) {
        const end = usedEnd(image, file)
        for (let at = 0; at < end; at++) {
          account(image, { name: file, bytes: bytes.subarray(0, at) }, isClosed)
        }
      }
    })
  }

  it('drops a torn tail and counts it, and what was acknowledged before it is all there', async () => {
    const [newest] = [...crashed.segments].sort(
      ([, a], [, b]) => Number(b.readBigUInt64LE(32)) - Number(a.readBigUInt64LE(32)),
    )
    if (!newest) throw new Error('no segment')
    const [name, bytes] = newest
    const frames = scanSegment(name, bytes)?.frames ?? []
    const torn = frames.at(-2)
    if (!torn) throw new Error('no frame')
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8(255, torn.offset + torn.headBytes)
    const directory = crashCopy(crashed.directory)
    writeSegment(directory, name, damaged)
    // The index heard of the acknowledged group; a power cut would have taken both.
    rmSync(`${directory}/index`, { recursive: true })
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      const { recovery, nextSequence } = wal.stats()
      expect(recovery.damaged).to.deep.equal([])
      const last = frames.at(-1)
      expect(recovery.tornTailBytes).to.equal((last?.end ?? 0) - torn.offset)
      expect(nextSequence).to.equal(torn.head.sequence)
      expect((await wal.append(request(7))).sequence).to.equal(torn.head.sequence)
    })
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      expect(wal.stats().recovery.damaged).to.deep.equal([])
      expect(wal.stats().nextSequence).to.equal(torn.head.sequence + 1n)
    })
  })

  it('reports, keeps and returns damage as such through a whole opening', async () => {
    let reported = 0
    const files = [...closed.segments].filter(([, bytes]) => bytes.readUInt32LE(0) !== 0)
    for (const [name, bytes] of files) {
      const end = scanSegment(name, bytes)?.traceEnd ?? 0
      for (let at = 50; at < end; at += 2_777) {
        const directory = crashCopy(closed.directory)
        const damaged = Buffer.from(bytes)
        damaged.writeUInt8(damaged.readUInt8(at) ^ 64, at)
        writeSegment(directory, name, damaged)
        await withWal(walOptions(directory, LIMITS), async (wal) => {
          const entries = [...(await readAll(wal, 'a')), ...(await readAll(wal, 'b'))]
          const { damaged } = wal.stats().recovery
          reported += damaged.length
          for (const [sequence, text] of closed.acknowledged) {
            const entry = entries.find((entry) => entry.sequence === sequence)
            if (entry?.kind === 'entry') {
              expect(chainedCrc([entry.payload])).to.equal(chainedCrc([Buffer.from(text.slice(2))]))
            } else {
              expect(damaged.length, `entry ${sequence} at ${at} of ${name}`).to.be.greaterThan(0)
            }
          }
        })
      }
    }
    expect(reported).to.be.greaterThan(0)
  })
})
