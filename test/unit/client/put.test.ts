import { status } from '@grpc/grpc-js'
import {
  Dictionary,
  Field,
  Int32,
  List,
  type RecordBatch,
  Table,
  tableFromArrays,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import { expect } from 'chai'
import { connect, type FrazilClient, ServiceError } from '../../../src/client/index.ts'
import { FakeServer } from '../../support/client-fake-server.ts'
import { grownWords } from '../../support/client-grown-words.ts'
import { until } from '../../support/client-until.ts'

const numbers = (...n: number[]) => tableFromArrays({ n: Float64Array.from(n) })
const words = (...w: string[]) => tableFromArrays({ w })
const batchesOf = (count: number) => Array.from({ length: count }, (_, i) => numbers(i))
const oneBatch = (table: Table): RecordBatch => {
  const [batch] = table.batches
  if (!batch) throw new Error('no batch')
  return batch
}

async function failure(promise: Promise<unknown>): Promise<ServiceError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ServiceError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('client: put', () => {
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
  const stored = () => server.rows().map(({ n }) => n)

  it('sends a table and resolves with what became of it', async () => {
    const result = await client.put('flights', numbers(1, 2, 3))
    expect(result).to.deep.equal({
      rows: 3,
      batches: 1,
      logId: 'LOG',
      sequence: 1n,
      duplicates: 0,
      snapshotId: undefined,
    })
    expect(stored()).to.deep.equal([1, 2, 3])
    expect(server.puts[0]?.descriptor).to.deep.equal({ path: ['default', 'flights'] })
    expect(server.puts[0]?.tenant).to.equal(undefined)
  })

  it('takes a batch, an array, a generator and an asynchronous one', async () => {
    await client.put('t', oneBatch(numbers(1)))
    await client.put('t', [numbers(2), oneBatch(numbers(3))])
    await client.put(
      't',
      (function* () {
        yield numbers(4)
        yield numbers(5)
      })(),
    )
    await client.put(
      't',
      (async function* () {
        yield numbers(6)
        yield oneBatch(numbers(7))
      })(),
    )
    expect(stored()).to.deep.equal([1, 2, 3, 4, 5, 6, 7])
  })

  it('numbers its batches on and on under one name', async () => {
    await client.put('t', batchesOf(3))
    await client.put('t', batchesOf(2))
    expect(server.puts.map(({ sequences }) => sequences)).to.deep.equal([
      [0, 1, 2],
      [3, 4],
    ])
    expect(new Set(server.stored.map(({ producer }) => producer)).size).to.equal(1)
  })

  it('gives two streams into one table two names', async () => {
    await Promise.all([client.put('t', numbers(1)), client.put('t', numbers(2))])
    expect(new Set(server.stored.map(({ producer }) => producer)).size).to.equal(2)
  })

  it('says to whom and how in the descriptor', async () => {
    const options = {
      namespace: 'a.b',
      create: false,
      partitionBy: ['day(ts)'],
      properties: { k: 'v' },
      ack: 'committed',
    } as const
    const mine = connect(`grpc://${server.address}`, { tenant: 'acme' })
    const result = await mine.put('t', numbers(1), options)
    mine.close()
    expect(server.puts[0]?.tenant).to.equal('acme')
    expect(server.puts[0]?.descriptor?.command).to.deep.equal({
      namespace: 'a.b',
      table: 't',
      create: false,
      partition_by: ['day(ts)'],
      properties: { k: 'v' },
      ack: 'committed',
    })
    expect(result.snapshotId).to.equal(9_007_199_254_740_993n)
  })

  it('creates a table from a schema without batches, and sends nothing for nothing', async () => {
    await client.put('t', numbers())
    expect(server.puts.map(({ messages }) => messages)).to.deep.equal([['schema']])
    const result = await client.put('t', [])
    expect(result).to.include({ rows: 0, batches: 0 })
    expect(server.puts).to.have.length(1)
  })

  it('leaves out batches without rows', async () => {
    const result = await client.put('t', [numbers(1), numbers(), numbers(2)])
    expect(result.batches).to.equal(2)
    expect(server.puts[0]?.sequences).to.deep.equal([0, 1])
  })

  it('cuts a batch that is too large, and keeps the order', async () => {
    const all = Array.from({ length: 1_000 }, (_, i) => i)
    const result = await client.put('t', numbers(...all), { batchBytesMax: 1_000 })
    expect(result).to.include({ rows: 1_000, batches: 8 })
    expect(stored()).to.deep.equal(all)
  })

  it('reports progress as it is acknowledged', async () => {
    const seen: number[] = []
    await client.put('t', batchesOf(5), { onProgress: ({ rows }) => seen.push(rows) })
    expect(seen.at(-1)).to.equal(5)
    expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b))
  })

  describe('dictionaries', () => {
    const storedWords = () => server.rows().map(({ w }) => w)

    it('travel once when they do not change', async () => {
      const vector = vectorFromArray(['a', 'b', 'a'])
      const table = new Table({ w: vector })
      await client.put('t', [table, table, table])
      expect(server.puts[0]?.messages).to.deep.equal([
        'schema',
        'dictionary',
        'batch',
        'batch',
        'batch',
      ])
      expect(storedWords()).to.deep.equal(['a', 'b', 'a', 'a', 'b', 'a', 'a', 'b', 'a'])
    })

    it('of tables that were built apart share one stream, each replacing the one before', async () => {
      await client.put('t', [words('a', 'b'), words('c'), words('b', 'd')])
      expect(server.puts).to.have.length(1)
      expect(storedWords()).to.deep.equal(['a', 'b', 'c', 'b', 'd'])
    })

    it('that grew travel as a delta', async () => {
      await client.put('t', grownWords())
      expect(server.puts[0]?.messages).to.deep.equal(
        'schema dictionary batch dictionary batch'.split(' '),
      )
      expect(storedWords()).to.deep.equal(['a', 'b', 'a', 'c'])
    })

    it('inside lists and structs arrive as well', async () => {
      const type = new List(new Field('item', new Dictionary(new Utf8(), new Int32())))
      const nested = (...w: string[]) => new Table({ l: vectorFromArray([w, w], type) })
      await client.put('t', [nested('x', 'y'), nested('z')])
      const lists = server.rows().map(({ l }) => JSON.parse(JSON.stringify(l)) as unknown)
      expect(lists).to.deep.equal([['x', 'y'], ['x', 'y'], ['z'], ['z']])
    })

    it('are sent again after a lost connection', async () => {
      server.plans = [{ cutAfter: 2 }]
      const vector = vectorFromArray(['a', 'b'])
      const table = new Table({ w: vector })
      await client.put('t', [table, table, words('c')])
      expect(server.puts).to.have.length(2)
      expect(server.puts[1]?.messages.slice(0, 2)).to.deep.equal(['schema', 'dictionary'])
      expect(storedWords()).to.deep.equal(['a', 'b', 'a', 'b', 'c'])
    })
  })

  it('changes the schema by a new stream, after all of the old one', async () => {
    await client.put('t', [numbers(1), words('a'), words('b'), numbers(2)])
    expect(server.puts.map(({ sequences }) => sequences)).to.deep.equal([[0], [1, 2], [3]])
    expect(server.rows()).to.deep.equal([{ n: 1 }, { w: 'a' }, { w: 'b' }, { n: 2 }])
  })

  describe('when the connection is lost', () => {
    for (const at of [1, 2, 5, 10]) {
      it(`after batch ${at}, before its ack, stores every batch once`, async () => {
        server.plans = [{ cutAfter: at }]
        const result = await client.put('t', batchesOf(10))
        expect(stored()).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        expect(result).to.include({ rows: 10, batches: 10, duplicates: at })
      })

      it(`after the ack of batch ${at}, stores every batch once`, async () => {
        let isCut = false
        const onProgress = ({ batches }: { batches: number }) => {
          if (batches < at || isCut) return
          isCut = true
          server.cut()
        }
        const result = await client.put('t', batchesOf(10), { onProgress })
        expect(stored()).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        expect(result).to.include({ rows: 10, batches: 10 })
      })
    }

    it('again and again, goes on as long as there is progress', async () => {
      const result = await client.put('t', batchesOf(6), {
        unacknowledgedBatchesMax: 1,
        onProgress: () => server.cut(),
      })
      expect(result.rows).to.equal(6)
      expect(stored()).to.deep.equal([0, 1, 2, 3, 4, 5])
      expect(server.puts.length).to.be.greaterThan(2)
    })

    it('before the final ack, needs no other when all is durable', async () => {
      server.plans = [{ isEndless: true }]
      const onProgress = ({ batches }: { batches: number }) => {
        if (batches === 3) server.cut()
      }
      const result = await client.put('t', batchesOf(3), { onProgress })
      expect(result).to.include({ rows: 3, duplicates: 0 })
      expect(server.puts).to.have.length(1)
    })

    it('before the commit, asks for it with the last batch', async () => {
      server.plans = [{ isEndless: true }]
      let isCut = false
      const onProgress = ({ batches }: { batches: number }) => {
        // The last one counts when it is committed.
        if (batches < 2 || isCut) return
        isCut = true
        server.cut()
      }
      const result = await client.put('t', batchesOf(3), { ack: 'committed', onProgress })
      expect(server.puts.map(({ sequences }) => sequences)).to.deep.equal([[0, 1, 2], [2]])
      expect(result).to.include({ rows: 3, duplicates: 1, snapshotId: 9_007_199_254_740_993n })
      expect(stored()).to.deep.equal([0, 1, 2])
    })

    it('while nothing is under way, connects again for the next batch', async () => {
      const writer = client.writer('t')
      await writer.write(numbers(1))
      await until(() => stored().length >= 1)
      server.cut()
      await writer.write(numbers(2))
      await writer.close()
      expect(stored()).to.deep.equal([1, 2])
    })

    it('and comes back, waits for it', async () => {
      const writer = client.writer('t')
      await writer.write(numbers(1))
      await until(() => stored().length >= 1)
      await server.refuse()
      await writer.write(numbers(2))
      const closed = writer.close()
      setTimeout(() => void server.listen(), 150)
      expect((await closed).rows).to.equal(2)
      expect(stored()).to.deep.equal([1, 2])
    })

    it('for ever, gives up in bounded time and says what was acknowledged', async () => {
      await server.refuse()
      const hasty = connect(server.address, { retryMsMax: 200 })
      const error = await failure(hasty.put('t', numbers(1)))
      hasty.close()
      expect(error.kind).to.equal('unavailable')
      expect(error.message).to.include(server.address)
      expect(error.context).to.include({ rows: 0, firstUnacknowledged: 0n })
    })

    it('by a server that ends the stream early, goes on', async () => {
      server.plans = [{ endAfter: 2 }]
      await client.put('t', batchesOf(5))
      expect(stored()).to.deep.equal([0, 1, 2, 3, 4])
    })
  })

  it('keeps no more than its bound unacknowledged', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    server.plans = [{ hold: promise }]
    let taken = 0
    const put = client.put(
      't',
      (function* () {
        for (const each of batchesOf(50)) {
          taken++
          yield each
        }
      })(),
      {
        unacknowledgedBatchesMax: 8,
      },
    )
    await until(() => server.stored.length >= 8)
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect(taken).to.equal(8)
    resolve()
    expect((await put).rows).to.equal(50)
    expect(server.waitingMax).to.be.at.most(9)
  })

  it('keeps no more than its bytes unacknowledged, and lets one large batch through', async () => {
    const table = () => numbers(...Array.from({ length: 100 }, (_, i) => i))
    const result = await client.put('t', [table(), table(), table()], { unacknowledgedBytesMax: 1 })
    expect(result.rows).to.equal(300)
    expect(server.waitingMax).to.be.at.most(2)
  })

  describe('refused by the server', () => {
    const codes: readonly (readonly [status, string | undefined, string])[] = [
      [status.INVALID_ARGUMENT, 'INVALID', 'invalid'],
      [status.INVALID_ARGUMENT, undefined, 'invalid'],
      [status.NOT_FOUND, 'NOT_FOUND', 'not-found'],
      [status.ALREADY_EXISTS, undefined, 'already-exists'],
      [status.FAILED_PRECONDITION, 'SCHEMA_MISMATCH', 'schema-mismatch'],
      [status.FAILED_PRECONDITION, 'OUT_OF_SEQUENCE', 'out-of-sequence'],
      [status.FAILED_PRECONDITION, undefined, 'schema-mismatch'],
      [status.RESOURCE_EXHAUSTED, 'TOO_LARGE', 'too-large'],
      [status.RESOURCE_EXHAUSTED, undefined, 'too-large'],
      [status.UNIMPLEMENTED, undefined, 'unsupported'],
      [status.DATA_LOSS, 'CORRUPT', 'corrupt'],
      [status.INTERNAL, 'INTERNAL', 'internal'],
      [status.UNAUTHENTICATED, undefined, 'invalid'],
    ]
    for (const [code, reason, kind] of codes) {
      it(`with ${status[code]}${reason ? ` and ${reason}` : ''}, rejects at once as ${kind}`, async () => {
        const fail = { after: 2, code, ...(reason ? { reason, context: { column: 'c' } } : {}) }
        server.plans = [{ fail }]
        const error = await failure(client.put('t', batchesOf(5)))
        expect(error.kind).to.equal(kind)
        expect(error.message).to.equal('no, because')
        expect(server.puts).to.have.length(1)
        expect(error.context).to.include.keys('rows', 'producerId', 'firstUnacknowledged')
        if (reason) expect(error.context).to.include({ column: 'c' })
      })
    }

    const passing: readonly (readonly [status, string | undefined])[] = [
      [status.UNAVAILABLE, undefined],
      [status.UNAVAILABLE, 'OVERLOADED'],
      [status.UNAVAILABLE, 'CLOSED'],
      [status.CANCELLED, undefined],
      [status.INTERNAL, undefined],
      [status.UNKNOWN, undefined],
    ]
    for (const [code, reason] of passing) {
      it(`with ${status[code]}${reason ? ` and ${reason}` : ''}, tries again`, async () => {
        server.plans = [{ fail: { after: 2, code, ...(reason ? { reason } : {}) } }]
        expect((await client.put('t', batchesOf(5))).rows).to.equal(5)
        expect(stored()).to.deep.equal([0, 1, 2, 3, 4])
      })
    }

    it('again and again, gives up with the last reason', async () => {
      const fail = { after: 0, code: status.UNAVAILABLE, reason: 'OVERLOADED' }
      server.plans = Array.from({ length: 1_000 }, () => ({ fail }))
      const hasty = connect(server.address, { retryMsMax: 100 })
      expect((await failure(hasty.put('t', numbers(1)))).kind).to.equal('overloaded')
      hasty.close()
    })

    it('starts under a new name afterwards: nobody knows which numbers are taken', async () => {
      server.plans = [{ fail: { after: 1, code: status.INVALID_ARGUMENT } }]
      await failure(client.put('t', batchesOf(2)))
      await client.put('t', numbers(7))
      expect(server.stored.at(-1)?.sequence).to.equal(0)
      expect(new Set(server.stored.map(({ producer }) => producer)).size).to.equal(2)
    })
  })

  describe('a server that is not one', () => {
    for (const ack of ['', 'x', '{}', '{"batches":99,"rows":1}', '{"batches":-1,"rows":1}']) {
      it(`and acknowledges with ${JSON.stringify(ack)}, is refused`, async () => {
        server.plans = [{ ack }]
        expect((await failure(client.put('t', numbers(1)))).kind).to.equal('internal')
      })
    }

    it('and leaves batches out, gets them again', async () => {
      server.plans = [{ ack: '{"batches":1,"rows":1}' }]
      const result = await client.put('t', batchesOf(3))
      expect(result).to.include({ rows: 3, duplicates: 2 })
      expect(stored()).to.deep.equal([0, 1, 2])
    })
  })

  it('repeats under a given name and number without storing twice', async () => {
    const producer = { id: 'me', sequence: 0n }
    await client.put('t', batchesOf(3), { producer })
    const again = await client.put('t', batchesOf(5), { producer })
    expect(again).to.include({ rows: 5, duplicates: 3 })
    expect(stored()).to.deep.equal([0, 1, 2, 3, 4])
  })

  it('stops when asked, as closed', async () => {
    server.plans = [{ hold: new Promise(() => {}) }, { hold: new Promise(() => {}) }]
    const abort = new AbortController()
    const put = client.put('t', numbers(1), { signal: abort.signal })
    await until(() => server.stored.length >= 1)
    abort.abort()
    expect((await failure(put)).kind).to.equal('closed')
    const other = client.put('t', numbers(2))
    await until(() => server.stored.length >= 2)
    client.close()
    expect((await failure(other)).kind).to.equal('closed')
  })

  it('passes on what the source throws, and stops the stream', async () => {
    const source = (function* () {
      yield numbers(1)
      throw new RangeError('torn file')
    })()
    let caught: unknown
    await client.put('t', source).catch((error: unknown) => {
      caught = error
    })
    expect(caught).to.be.instanceOf(RangeError)
  })

  it('takes nothing after close', async () => {
    const writer = client.writer('t')
    await writer.close()
    expect((await failure(writer.write(numbers(1)))).kind).to.equal('closed')
  })

  for (const name of ['', 'a/b', '../x', 'x'.repeat(300)]) {
    it(`refuses the table name ${JSON.stringify(name.slice(0, 20))} before it connects`, async () => {
      expect((await failure(client.put(name, numbers(1)))).kind).to.equal('invalid')
      expect(server.puts).to.have.length(0)
    })
  }
})
