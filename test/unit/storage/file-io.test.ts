import type { FileHandle } from 'node:fs/promises'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { readRange, writeParts } from '../../../src/storage/file-io.ts'
import { kindOf } from '../../support/catalog-fixtures.ts'

/** Takes and gives at most `step` bytes at a call, as a kernel may. */
function slowHandle(step: number, content: number[] = []): FileHandle & { content: number[] } {
  const handle = {
    content,
    async writev(parts: Uint8Array[]) {
      const taken = parts.flatMap((part) => [...part]).slice(0, step)
      content.push(...taken)
      return { bytesWritten: taken.length, buffers: parts }
    },
    async read(buffer: Uint8Array, offset: number, length: number, position: number) {
      const given = content.slice(position, position + Math.min(step, length))
      buffer.set(given, offset)
      return { bytesRead: given.length, buffer }
    },
  }
  return handle as unknown as FileHandle & { content: number[] }
}

describe('whole writes and whole reads', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 20 })

  it('write every byte in order however few the kernel takes at once', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 1, max: 12 }), async (parts, step) => {
        const handle = slowHandle(step)
        await writeParts(handle, parts)
        expect(handle.content).to.deep.equal(parts.flatMap((part) => [...part]))
      }),
    )
  })

  it('read every byte of a range however few the kernel gives at once', async () => {
    const content = Array.from({ length: 50 }, (_, i) => i)
    for (const step of [1, 7, 100]) {
      const bytes = await readRange(slowHandle(step, content), 3, 44)
      expect([...bytes]).to.deep.equal(content.slice(3, 44))
    }
  })

  it('fail rather than turn for ever when the kernel takes or gives nothing', async () => {
    expect(await kindOf(readRange(slowHandle(4, [1, 2]), 0, 3))).to.equal('corrupt')
    const full = writeParts(slowHandle(0), [Buffer.from('x')])
    expect(await full.catch((error: Error) => error.message)).to.match(/took no bytes/)
  })
})
