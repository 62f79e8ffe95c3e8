/** Which files and directories this process fsyncs, and a way to make one of them fail. */
import { readlinkSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

export interface RecordedSyncs {
  readonly paths: string[]
  /** Runs before each; may throw. */
  before: (path: string) => void
  restore(): void
}

/** Linux only: the path of a handle is what the kernel says of it. */
export async function recordSyncs(): Promise<RecordedSyncs> {
  const handle = await open('/dev/null')
  const prototype = Object.getPrototypeOf(handle) as Pick<FileHandle, 'sync'>
  await handle.close()
  const { sync } = prototype
  const recorded: RecordedSyncs = {
    paths: [],
    before: () => {},
    restore: () => {
      prototype.sync = sync
    },
  }
  prototype.sync = async function (this: FileHandle) {
    const path = readlinkSync(`/proc/self/fd/${this.fd}`)
    recorded.before(path)
    recorded.paths.push(path)
    await sync.call(this)
  }
  return recorded
}
