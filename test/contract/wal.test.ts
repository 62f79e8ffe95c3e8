import { join } from 'node:path'
import { openWal } from '#wal'
import { removeTemporaryDirectories, temporaryDirectory, walOptions } from '../support/wal-log.ts'
import { walContract } from './wal.contract.ts'

let root: string

before(() => {
  root = temporaryDirectory()
})
after(removeTemporaryDirectories)

walContract('segments with a LevelDB index', async (log, limits) => {
  const options = walOptions(join(root, log), limits)
  return { wal: await openWal(options), options }
})
