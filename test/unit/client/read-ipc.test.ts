import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Message, tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow'
import { expect } from 'chai'
import { connect, readIpcFile, ServiceError } from '../../../src/client/index.ts'
import { FakeServer } from '../../support/client-fake-server.ts'
import { grownWords } from '../../support/client-grown-words.ts'

describe('client: Arrow files', () => {
  let directory: string
  let server: FakeServer
  before(async () => {
    server = await FakeServer.start()
  })
  after(() => server.close())
  beforeEach(() => {
    server.stored.length = 0
    server.puts.length = 0
    directory = mkdtempSync(join(tmpdir(), 'frazil-ipc-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const write = (bytes: Uint8Array): string => {
    const path = join(directory, 'a')
    writeFileSync(path, bytes)
    return path
  }
  const put = async (path: string) => {
    const client = connect(server.address)
    const result = await client.put('t', readIpcFile(path).batches).finally(() => client.close())
    return { result, rows: server.rows().map(({ w }) => w) }
  }
  for (const format of ['file', 'stream'] as const) {
    it(`arrive from a ${format}, growing dictionaries included`, async () => {
      const { result, rows } = await put(write(tableToIPC(grownWords(), format)))
      expect(result.rows).to.equal(4)
      expect(rows).to.deep.equal(['a', 'b', 'a', 'c'])
    })

    it(`without a row are sent as a schema, from a ${format}`, async () => {
      const { result } = await put(
        write(tableToIPC(tableFromArrays({ n: new Float64Array() }), format)),
      )
      expect(result.rows).to.equal(0)
      expect(server.puts.map(({ messages }) => messages)).to.deep.equal([['schema']])
    })
  }

  it('in the layout of other writers, with the stream inside the file', async () => {
    const stream = tableToIPC(grownWords(), 'stream')
    // Only the footer's length is looked at when the schema stands in front.
    const footer = Buffer.from('footer..')
    const length = Buffer.alloc(4)
    length.writeInt32LE(footer.length, 0)
    const parts = [Buffer.from('ARROW1\0\0'), stream, footer, length, Buffer.from('ARROW1')]
    expect((await put(write(Buffer.concat(parts)))).rows).to.deep.equal(['a', 'b', 'a', 'c'])
  })

  it('of old writers, without the continuation mark, arrive with metadata aligned anew', async () => {
    const whole = Buffer.from(
      tableToIPC(tableFromArrays({ w: Float64Array.from([1, 2]) }), 'stream'),
    )
    const parts: Buffer[] = []
    // Each prefix loses its first four bytes, and the metadata with it its alignment.
    for (let at = 0; at + 8 <= whole.length; ) {
      const length = whole.readInt32LE(at + 4)
      const body =
        length === 0 ? 0 : Message.decode(whole.subarray(at + 8, at + 8 + length)).bodyLength
      parts.push(whole.subarray(at + 4, at + 8 + length + body))
      at += 8 + length + body
    }
    expect((await put(write(Buffer.concat(parts)))).rows).to.deep.equal([1, 2])
  })

  it('say how far they are read', async () => {
    const file = readIpcFile(write(tableToIPC(grownWords(), 'stream')))
    const seen: number[] = []
    for await (const _ of file.batches) seen.push(file.fraction())
    expect(seen).to.have.length(2)
    expect(seen.every((fraction) => fraction > 0 && fraction <= 1)).to.equal(true)
    expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b))
  })

  it('cut anywhere are read up to the cut or refused by name, never misread', async () => {
    for (const format of ['file', 'stream'] as const) {
      const whole = tableToIPC(tableFromArrays({ n: Float64Array.from([1, 2, 3]) }), format)
      for (let length = 0; length < whole.length; length++) {
        const path = write(whole.subarray(0, length))
        try {
          let rows = 0
          for await (const batch of readIpcFile(path).batches) rows += batch.rows
          expect(rows === 0 || rows === 3).to.equal(true)
        } catch (error) {
          expect(error, `${format} cut at ${length}`).to.be.instanceOf(ServiceError)
        }
      }
      expect(tableFromIPC(whole).numRows).to.equal(3)
    }
  })
})
