/**
 * A disk that is really full: a small tmpfs. Needs root and mount; without them the tests are
 * pending and say why.
 */
import { execFileSync } from 'node:child_process'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openWal } from '#wal'
import {
  bytesEntry,
  kind,
  readAll,
  removeTemporaryDirectories,
  temporaryDirectory,
  walOptions,
  withWal,
} from '../../support/wal-log.ts'

/** For LevelDB, which writes on for what a full log still takes. */
const LEFT_BYTES = 64 * 1024
const DISK_BYTES = 2 * 1024 * 1024
const LIMITS = { segmentBytes: 128 * 1024, logBytesMax: 64 * 1024 * 1024 }

describe('a full disk', () => {
  let disk: string
  let isMounted = false

  before(function () {
    disk = temporaryDirectory()
    try {
      const size = `size=${DISK_BYTES}`
      execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk], { stdio: 'pipe' })
      isMounted = true
    } catch (error) {
      const reason = error instanceof Error ? error.message.trim() : String(error)
      console.log(`      skipped, cannot mount a tmpfs: ${reason}`)
      this.skip()
    }
  })
  after(() => {
    if (isMounted) execFileSync('umount', ['-l', disk])
    removeTemporaryDirectories()
  })

  /** Takes all but a little of what is free. */
  function fill(path: string): void {
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - LEFT_BYTES)))
  }

  for (let round = 0; round < 5; round++) {
    it(`refuses appends, loses none, and takes them again when there is room: ${round}`, async () => {
      const directory = join(disk, `log-${round}`)
      const filler = join(disk, 'filler')
      const limits = walOptions(directory, LIMITS)
      let acknowledged = 0
      let refusals = 0
      await withWal(limits, async (wal) => {
        const append = async () => {
          const outcome = await kind(wal.append(bytesEntry('k', 9_000, acknowledged & 255)))
          if (outcome === 'resolved') acknowledged++
          return outcome
        }
        for (let i = 0; i < round * 9; i++) expect(await append()).to.equal('resolved')
        fill(filler)
        while (refusals < 5) {
          const outcome = await append()
          if (outcome === 'resolved') continue
          expect(outcome).to.equal('full')
          refusals++
        }
        rmSync(filler)
        for (let i = 0; i < 20; i++) expect(await append()).to.equal('resolved')
        expect((await readAll(wal, 'k')).length).to.equal(acknowledged)
      })
      await withWal(limits, async (wal) => {
        expect(wal.stats().recovery).to.deep.include({ damaged: [], entries: acknowledged })
        const fills = (await readAll(wal, 'k')).map((entry) =>
          entry.kind === 'entry' ? entry.payload[0] : entry.reason,
        )
        expect(fills).to.deep.equal(Array.from({ length: acknowledged }, (_, i) => i & 255))
      })
      rmSync(directory, { recursive: true })
    })
  }

  it('can be opened again when everything is trimmed and the disk is full', async () => {
    const directory = join(disk, 'log')
    const filler = join(disk, 'filler')
    for (let i = 0; i < 5; i++) {
      const wal = await openWal(walOptions(directory, LIMITS))
      if (i === 0) fill(filler)
      for (let refusals = 0; refusals < 1; ) {
        refusals += (await kind(wal.append(bytesEntry('k', 9_000)))) === 'full' ? 1 : 0
      }
      await wal.trim('k', wal.stats().durableThrough)
      expect(await kind(wal.append(bytesEntry('k', 9_000)))).to.equal('resolved')
      await wal.close()
    }
  })
})
