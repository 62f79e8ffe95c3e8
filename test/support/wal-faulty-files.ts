/** The log's file system with a place to fail, to wait and to count at each call. */
import { basename } from 'node:path'
import { type Files, nodeFiles, type SegmentFile } from '../../wal/files.ts'

export type FileCall = 'open' | 'create' | 'write' | 'sync' | 'read' | 'remove' | 'list'

export interface FaultyFiles {
  readonly files: Files
  /** Every call so far, as `write 00000001.seg`. */
  readonly calls: string[]
  /** Runs before each call; may throw or wait. */
  before: (call: FileCall, name: string) => void | Promise<void>
  freeBytes: number | undefined
}

export function createFaultyFiles(): FaultyFiles {
  const faulty: FaultyFiles = {
    files: nodeFiles,
    calls: [],
    before: () => {},
    freeBytes: undefined,
  }
  const note = async (call: FileCall, path: string) => {
    faulty.calls.push(`${call} ${basename(path)}`)
    await faulty.before(call, basename(path))
  }
  const wrap = (path: string, file: SegmentFile): SegmentFile => ({
    async write(parts, position) {
      await note('write', path)
      await file.write(parts, position)
    },
    async sync() {
      await note('sync', path)
      await file.sync()
    },
    async read(targets, position) {
      await note('read', path)
      return file.read(targets, position)
    },
    size: () => file.size(),
    close: () => file.close(),
  })
  const files: Files = {
    async openSegment(path) {
      await note('open', path)
      return wrap(path, await nodeFiles.openSegment(path))
    },
    async createSegment(path, bytes) {
      await note('create', path)
      return wrap(path, await nodeFiles.createSegment(path, bytes))
    },
    async remove(path) {
      await note('remove', path)
      await nodeFiles.remove(path)
    },
    async list(directory) {
      await note('list', directory)
      return nodeFiles.list(directory)
    },
    freeBytes: async (directory) => faulty.freeBytes ?? nodeFiles.freeBytes(directory),
  }
  return Object.assign(faulty, { files })
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}
