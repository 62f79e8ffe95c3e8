import { createRequire } from 'node:module'
import * as arrow from 'apache-arrow'
import { expect } from 'chai'
import {
  type ArrowSource,
  connect,
  type FrazilClient,
  ServiceError,
} from '../../../src/client/index.ts'
import { FakeServer } from '../../support/client-fake-server.ts'

/** Through `require` it is loaded a second time: another copy, with classes of its own. */
const otherArrow = createRequire(import.meta.url)('apache-arrow') as typeof arrow
const { tableFromArrays, tableToIPC } = arrow

describe('client: sources', () => {
  let server: FakeServer
  let client: FrazilClient
  beforeEach(async () => {
    server = await FakeServer.start()
    client = connect(server.address, { retryMsMax: 2_000 })
  })
  afterEach(async () => {
    client.close()
    await server.close()
  })
  const refused = async (source: unknown) => {
    const error: unknown = await client.put('t', source as ArrowSource).catch((thrown) => thrown)
    expect(error).to.be.instanceOf(ServiceError)
    expect(server.puts).to.have.length(0)
    return error as ServiceError
  }

  it('of another copy of apache-arrow are refused at once, with a remedy', async () => {
    const foreign = otherArrow.tableFromArrays({ w: ['a'] })
    for (const source of [foreign, foreign.batches[0], [foreign]]) {
      const { kind, message } = await refused(source)
      expect(kind).to.equal('invalid')
      expect(message).to.match(/another copy of apache-arrow \(npm ls apache-arrow\).*IPC bytes/)
    }
  })

  it('that are nothing of the kind are refused', async () => {
    for (const source of ['text', 5, undefined, null, {}, [{ n: 1 }]]) {
      expect((await refused(source)).message).to.match(/takes tables and record batches/)
    }
  })

  for (const format of ['file', 'stream'] as const) {
    it(`may be the bytes of an IPC ${format}, of any copy`, async () => {
      const foreign = otherArrow.tableFromArrays({ w: ['a', 'b'] })
      const result = await client.put('t', otherArrow.tableToIPC(foreign, format))
      expect(result.rows).to.equal(2)
      await client.put('t', [tableToIPC(tableFromArrays({ w: ['c'] }), format)])
      expect(server.rows().map(({ w }) => w)).to.deep.equal(['a', 'b', 'c'])
    })

    it(`without a row make the table, from the bytes of a ${format}`, async () => {
      await client.put('t', tableToIPC(tableFromArrays({ n: new Float64Array() }), format))
      expect(server.puts.map(({ messages }) => messages)).to.deep.equal([['schema']])
    })
  }

  it('of bytes that are not Arrow, or are torn, are refused', async () => {
    const bytes = tableToIPC(tableFromArrays({ n: new Float64Array(100) }), 'file')
    for (const bad of [Uint8Array.of(1, 2), bytes.subarray(0, 300), Buffer.from('hello, world')]) {
      expect((await refused(bad)).message).to.match(/array of bytes cannot be read as Arrow/)
    }
  })
})

describe('client: an address where nobody listens', () => {
  it('fails a put after connectMsMax, not after retryMsMax, and says it once', async () => {
    const client = connect('127.0.0.1:1', { connectMsMax: 50 })
    const error: unknown = await client
      .put('t', tableFromArrays({ n: [1] }))
      .catch((thrown: unknown) => thrown)
      .finally(() => client.close())
    expect(error).to.be.instanceOf(ServiceError)
    const { kind, message, cause } = error as ServiceError
    expect({ kind, cause }).to.deep.equal({ kind: 'unavailable', cause: undefined })
    expect(message).to.equal(
      'cannot reach Frazil at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): is it running there?',
    )
  })
})
