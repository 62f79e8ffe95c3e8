/**
 * Cuts the power of a log, many times: an ext4 image is mounted, a child appends to a log on it,
 * is killed, and the image is copied while it is still mounted, so that the copy holds only what
 * the journal and the syncs put there. Every acknowledged entry has to be in the copy.
 *
 * Usage: node dist/scripts/power-cut.js --cuts 10 [--seed N]. Needs root, mount and mkfs.ext4.
 */
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openWal, type WalLimits } from '#wal'

const IMAGE_BYTES = 96 * 1024 * 1024
const RUN_MS_MIN = 150
const RUN_MS_MAX = 1_200
const LIMITS: WalLimits = {
  segmentBytes: 256 * 1024,
  logBytesMax: 40 * 1024 * 1024,
  keysMax: 1_000,
  diskReserveBytes: 0,
  groupBytesMax: 1024 * 1024,
  groupEntriesMax: 1_000,
  entryBytesMax: 1024 * 1024,
  waitingBytesMax: 16 * 1024 * 1024,
  indexLagEntriesMax: 10_000,
  producersMax: 10,
  quarantineEntriesMax: 10,
}

interface Acknowledged {
  readonly number: number
  readonly bytes: number
}

interface KeyAcks {
  readonly entries: Map<bigint, Acknowledged>
  /** Announced, perhaps not carried out. */
  trimmedThrough: bigint
}

interface CutResult {
  readonly acknowledged: number
  readonly lost: number
  readonly wrong: number
  readonly damaged: number
  readonly tornTailBytes: number
}

const { values } = parseArgs({
  options: { cuts: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
})
const cuts = Number(values.cuts)
const random = randomFrom(Number(values.seed))
const total = { acknowledged: 0, lost: 0, wrong: 0, damaged: 0, tornTails: 0 }

for (let cut = 0; cut < cuts; cut++) {
  const runMs = Math.round(RUN_MS_MIN + random() * (RUN_MS_MAX - RUN_MS_MIN))
  const result = await cutOnce(runMs)
  console.log(`cut ${cut + 1}/${cuts} after ${runMs} ms: ${JSON.stringify(result)}`)
  total.acknowledged += result.acknowledged
  total.lost += result.lost
  total.wrong += result.wrong
  total.damaged += result.damaged
  if (result.tornTailBytes > 0) total.tornTails++
}
console.log(`power cuts ${cuts}, seed ${values.seed}: ${JSON.stringify(total)}`)
process.exitCode = total.lost + total.wrong + total.damaged === 0 && total.acknowledged > 0 ? 0 : 1

async function cutOnce(runMs: number): Promise<CutResult> {
  const root = mkdtempSync(join(tmpdir(), 'frazil-cut-'))
  const image = join(root, 'disk.img')
  const copy = join(root, 'crash.img')
  const [live, crashed] = [join(root, 'live'), join(root, 'crashed')]
  for (const directory of [live, crashed]) mkdirSync(directory)
  writeFileSync(image, '')
  truncateSync(image, IMAGE_BYTES)
  execFileSync('mkfs.ext4', ['-q', '-F', image])
  const mounted: string[] = []
  try {
    execFileSync('mount', ['-o', 'loop', image, live])
    mounted.push(live)
    const output = await runChild(join(live, 'log'), runMs)
    copyFileSync(image, copy)
    execFileSync('mount', ['-o', 'loop', copy, crashed])
    mounted.push(crashed)
    return await verify(join(crashed, 'log'), parseAcks(output))
  } finally {
    for (const directory of mounted) execFileSync('umount', ['-l', directory])
    rmSync(root, { recursive: true })
  }
}

/** Counts from the first acknowledgement, so that a slow start does not make a cut empty. */
async function runChild(directory: string, runMs: number): Promise<string> {
  const script = join(import.meta.dirname, 'power-cut-child.js')
  const child = spawn(process.execPath, [script, directory, JSON.stringify(LIMITS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const closed = new Promise((resolve) => child.once('close', resolve))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  await sleep(runMs)
  child.kill('SIGKILL')
  await closed
  return output
}

function parseAcks(output: string): Map<string, KeyAcks> {
  const keys = new Map<string, KeyAcks>()
  for (const line of output.split('\n').slice(0, -1)) {
    const [what, key = '', sequence = '0', number = '0', bytes = '0'] = line.split(' ')
    const acks = keys.get(key) ?? { entries: new Map<bigint, Acknowledged>(), trimmedThrough: 0n }
    keys.set(key, acks)
    if (what === 'trim') acks.trimmedThrough = BigInt(sequence)
    else acks.entries.set(BigInt(sequence), { number: Number(number), bytes: Number(bytes) })
  }
  return keys
}

async function verify(directory: string, keys: Map<string, KeyAcks>): Promise<CutResult> {
  const wal = await openWal({ directory, limits: LIMITS, now: Date.now, newId: () => 'NEW' })
  const result = { acknowledged: 0, lost: 0, wrong: 0 }
  for (const [key, { entries, trimmedThrough }] of keys) {
    const read = new Map(
      (await wal.read(key, 0n, Number.MAX_SAFE_INTEGER)).map((entry) => [entry.sequence, entry]),
    )
    for (const [sequence, { number, bytes }] of entries) {
      result.acknowledged++
      const entry = read.get(sequence)
      if (!entry) {
        if (sequence > trimmedThrough) result.lost++
        continue
      }
      const expected = Buffer.alloc(bytes, number & 255)
      expected.write(`${key}/${number}`)
      if (entry.kind !== 'entry' || !expected.equals(entry.payload)) result.wrong++
    }
  }
  const { damaged, tornTailBytes } = wal.stats().recovery
  await wal.close()
  return { ...result, damaged: damaged.length, tornTailBytes }
}

/** A small generator, so that a seed replays the same instants. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
