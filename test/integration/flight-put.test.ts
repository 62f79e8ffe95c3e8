import { once } from 'node:events'
import { status } from '@grpc/grpc-js'
import { expect } from 'chai'
import { ServiceError } from '../../src/errors.ts'
import {
  ackOf,
  batch,
  command,
  errorDetails,
  type FlightFixture,
  ipcHeader,
  note,
  pathTo,
  putOutcome,
  SCHEMA,
  startFixture,
} from '../support/flight-client.ts'

describe('flight: DoPut', () => {
  let fixture: FlightFixture

  beforeEach(async () => {
    fixture = await startFixture()
  })

  afterEach(() => fixture.close())

  describe('what clients send', () => {
    it('takes descriptor and schema in one message, then batches, as pyarrow sends them', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('sales', 'orders'), ...SCHEMA })
      call.write(batch(100))
      call.end(batch(200))
      const { acks, error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(acks.at(-1)).to.deep.equal({ log_id: 'LOG', sequence: 2, batches: 2, rows: 20 })
      expect(fixture.services.requests).to.have.length(1)
      expect(fixture.services.requests[0]?.table).to.deep.equal({
        tenant: 'default',
        namespace: ['sales'],
        name: 'orders',
      })
      expect(
        Buffer.compare(fixture.services.requests[0]?.schema ?? Buffer.alloc(0), SCHEMA.header),
      ).to.equal(0)
      expect(fixture.services.appends.map(({ message }) => message.body.length)).to.deep.equal([
        100, 200,
      ])
    })

    it('sends initial metadata before anything has come', async () => {
      const call = fixture.client.put()
      await once(call, 'metadata')
      call.on('error', () => {})
      call.cancel()
    })

    it('takes a descriptor alone before the schema', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: command('sales.orders') })
      call.write(SCHEMA)
      call.end(batch())
      const { acks, error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(acks.at(-1)).to.include({ batches: 1 })
    })

    it('creates the table of a stream that has a schema and no batch, and acknowledges no rows', async () => {
      const call = fixture.client.put()
      call.end({ descriptor: pathTo('orders'), ...SCHEMA })
      const { acks, error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(acks).to.deep.equal([{ batches: 0, rows: 0 }])
      expect(fixture.services.requests).to.have.length(1)
    })

    it('refuses a stream without any message, without hanging', async () => {
      const call = fixture.client.put()
      call.end()
      const { acks, error } = await putOutcome(call)
      expect(acks).to.deep.equal([])
      expect(error?.code).to.equal(status.INVALID_ARGUMENT)
      expect(error?.details).to.match(/^no descriptor/)
    })

    it('passes over messages that carry only metadata, and the marker of an ended IPC stream', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write({ appMetadata: Buffer.from('hello') })
      call.write(batch())
      call.write({ appMetadata: note({ free: 'form' }) })
      call.write({})
      call.write({ header: Buffer.from('ffffffff00000000', 'hex') })
      call.end()
      const { acks, error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(acks.at(-1)).to.include({ batches: 1, rows: 10 })
    })

    it('hands dictionaries over before the batches that follow them', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write({ header: ipcHeader('dictionary', 1), body: Buffer.alloc(8) })
      call.write({ header: ipcHeader('dictionary', 2), body: Buffer.alloc(8) })
      call.write(batch())
      call.write({ header: ipcHeader('dictionary', 3), body: Buffer.alloc(8) })
      call.end(batch())
      const { error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(fixture.services.dictionaries.map(({ metadata }) => metadata[20])).to.deep.equal([
        1, 2, 3,
      ])
    })

    it('takes more dictionaries before the first batch than messages may be in flight', async () => {
      await fixture.close()
      fixture = await startFixture({ inflightBatchesPerStreamMax: 2 })
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      for (let i = 0; i < 40; i += 1) call.write({ header: ipcHeader('dictionary', i) })
      call.end(batch())
      const { error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(fixture.services.dictionaries).to.have.length(40)
    })

    it('takes empty batches', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end({ header: ipcHeader('batch') })
      const { acks } = await putOutcome(call)
      expect(acks.at(-1)).to.include({ batches: 1 })
    })

    it('ignores a schema that is repeated and refuses one that differs', async () => {
      const same = fixture.client.put()
      same.write({ descriptor: pathTo('orders'), ...SCHEMA })
      same.write(SCHEMA)
      same.end(batch())
      expect((await putOutcome(same)).error).to.equal(undefined)

      const other = fixture.client.put()
      other.write({ descriptor: pathTo('orders'), ...SCHEMA })
      other.write({ header: ipcHeader('schema', 9) })
      const { error } = await putOutcome(other)
      expect(error?.code).to.equal(status.INVALID_ARGUMENT)
      expect(error?.details).to.contain('schema has changed')
    })

    it('takes messages of 64 MB and more', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end(batch(70 * 2 ** 20))
      const { acks, error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(acks.at(-1)).to.include({ batches: 1 })
      expect(fixture.services.appends[0]?.message.body.length).to.equal(70 * 2 ** 20)
    })
  })

  describe('what it refuses', () => {
    const cases: readonly [string, object[], RegExp][] = [
      ['data without a descriptor', [SCHEMA, batch()], /^no descriptor/],
      ['a batch without a descriptor', [batch()], /^no descriptor/],
      ['a batch before the schema', [{ descriptor: pathTo('t') }, batch()], /before the schema/],
      [
        'a dictionary before the schema',
        [{ descriptor: pathTo('t') }, { header: ipcHeader('dictionary') }],
        /before the schema/,
      ],
      ['a descriptor and nothing else', [{ descriptor: pathTo('t') }], /^no schema/],
      [
        'a body without a header',
        [{ descriptor: pathTo('t'), ...SCHEMA }, { body: Buffer.alloc(3) }],
        /without its data_header/,
      ],
      [
        'another kind of IPC message',
        [{ descriptor: pathTo('t'), header: ipcHeader('tensor') }],
        /another kind of IPC message/,
      ],
      [
        'a header that is no flatbuffer',
        [{ descriptor: pathTo('t'), header: Buffer.alloc(11, 0xee) }],
        /not an IPC message/,
      ],
      [
        'a descriptor that changes',
        [
          { descriptor: pathTo('t'), ...SCHEMA },
          { descriptor: pathTo('u'), ...batch() },
        ],
        /one table/,
      ],
      ['a bad name', [{ descriptor: pathTo('..'), ...SCHEMA }], /table name "\.\."/],
    ]
    for (const [name, data, text] of cases) {
      it(`refuses ${name} with INVALID_ARGUMENT`, async () => {
        const call = fixture.client.put()
        for (const message of data) call.write(message)
        call.end()
        const { error } = await putOutcome(call)
        expect(error?.code).to.equal(status.INVALID_ARGUMENT)
        expect(error?.details).to.match(text)
        expect(errorDetails(error).info).to.include({
          reason: 'INVALID',
          domain: 'frazil',
        })
        expect(fixture.services.appends).to.have.length(0)
        expect(fixture.server.inflightBytes).to.equal(0)
      })
    }

    it('refuses a message above the limit with RESOURCE_EXHAUSTED', async () => {
      await fixture.close()
      fixture = await startFixture({ messageBytesMax: 65_536 })
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write(batch(70_000))
      const { error } = await putOutcome(call)
      expect(error?.code).to.equal(status.RESOURCE_EXHAUSTED)
      expect(error?.details).to.match(
        /larger than flight\.messageBytesMax.* smaller batches.*large\]$/,
      )
      expect(errorDetails(error).info.reason).to.equal('TOO_LARGE')
    })

    it('refuses Flight SQL with UNIMPLEMENTED and a way out', async () => {
      const type = Buffer.from(
        'type.googleapis.com/arrow.flight.protocol.sql.CommandStatementIngest',
      )
      const cmd = Buffer.concat([Buffer.from([0x0a, type.length]), type])
      const call = fixture.client.put()
      call.write({ descriptor: { type: 'cmd', path: [], cmd }, ...SCHEMA })
      const { error } = await putOutcome(call)
      expect(error?.code).to.equal(status.UNIMPLEMENTED)
      expect(error?.details).to.contain('DoPut')
    })
  })

  describe('acknowledgements', () => {
    it('come only once batches are durable, in order, and cumulative', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      for (let i = 0; i < 3; i += 1) call.write(batch())
      await services.until(() => services.appends.length === 3)
      services.appends[1]?.settle()
      services.appends[2]?.settle()
      const first = once(call, 'data')
      services.appends[0]?.settle()
      const [result] = await first
      // The later two were durable first, and waited for the one before them.
      expect(ackOf(result.app_metadata)).to.deep.equal({
        log_id: 'LOG',
        sequence: 3,
        batches: 3,
        rows: 30,
      })
      const rest = putOutcome(call)
      call.end()
      expect((await rest).acks).to.deep.equal([
        { log_id: 'LOG', sequence: 3, batches: 3, rows: 30 },
      ])
    })

    it('end with exactly one after the half-close, when everything is durable', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put()
      const outcome = putOutcome(call)
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end(batch())
      await services.until(() => services.appends.length === 1)
      let isEnded = false
      call.on('end', () => (isEnded = true))
      await new Promise((resolve) => setImmediate(resolve))
      expect(isEnded).to.equal(false)
      services.appends[0]?.settle()
      const { acks, error } = await outcome
      expect(error).to.equal(undefined)
      expect(acks).to.deep.equal([{ log_id: 'LOG', sequence: 1, batches: 1, rows: 10 }])
    })

    it('count duplicates', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put()
      const outcome = putOutcome(call)
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end(batch())
      await services.until(() => services.appends.length === 1)
      services.appends[0]?.settle({ isDuplicate: true })
      expect((await outcome).acks.at(-1)).to.include({ batches: 1, duplicates: 1 })
    })

    it('keep every digit of a sequence and a snapshot id', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put({ 'x-frazil-ack': 'committed' })
      const outcome = putOutcome(call)
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end(batch())
      await services.until(() => services.appends.length === 1)
      services.appends[0]?.settle({ sequence: 2n ** 62n + 1n })
      expect((await outcome).acks.at(-1)).to.include({
        sequence: 2n ** 62n + 1n,
        snapshot_id: 2n ** 60n + 1n,
      })
      expect(services.awaited).to.deep.equal([{ key: 'default.orders', sequence: 2n ** 62n + 1n }])
    })

    it('do not wait for a commit unless asked', async () => {
      fixture.services.committed = new Promise(() => {})
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end(batch())
      const { acks } = await putOutcome(call)
      expect(acks.at(-1)).not.to.have.property('snapshot_id')
    })

    it('never hold up reading for a client that does not read them', async () => {
      const { services, client } = fixture
      const call = client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      const total = 3_000
      for (let i = 0; i < total; i += 1) call.write(batch(1))
      call.end()
      await services.until(() => services.appends.length === total)
      const { acks, error } = await putOutcome(call)
      expect(error).to.equal(undefined)
      expect(acks.at(-1)).to.include({ batches: total })
      expect(acks.length).to.be.lessThan(total)
    })
  })

  describe('producers', () => {
    it('are named by headers, with the first number', async () => {
      const call = fixture.client.put({
        'x-frazil-producer-id': 'p1',
        'x-frazil-sequence': '9007199254740993',
      })
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.end(batch())
      expect((await putOutcome(call)).error).to.equal(undefined)
      expect(fixture.services.requests[0]?.producer).to.deep.equal({
        id: 'p1',
        firstSequence: 9007199254740993n,
      })
      expect(fixture.services.appends[0]?.producerSequence).to.equal(undefined)
    })

    it('are named by the app_metadata of the batches, as pyarrow can', async () => {
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write({ header: ipcHeader('dictionary') })
      call.write(batch(8, note({ producer_id: 'p1', sequence: 4 })))
      call.end(batch(8, note({ producer_id: 'p1', sequence: 5 })))
      expect((await putOutcome(call)).error).to.equal(undefined)
      expect(fixture.services.requests[0]?.producer?.id).to.equal('p1')
      expect(fixture.services.appends.map((one) => one.producerSequence)).to.deep.equal([4n, 5n])
    })

    it('are named by the app_metadata of the schema message, as arrow-rs can', async () => {
      const call = fixture.client.put()
      const appMetadata = note({ producer_id: 'p1', sequence: 4 })
      call.write({ descriptor: pathTo('orders'), ...SCHEMA, appMetadata })
      call.end(batch())
      expect((await putOutcome(call)).error).to.equal(undefined)
      expect(fixture.services.requests[0]?.producer).to.deep.equal({ id: 'p1', firstSequence: 4n })
    })

    it('are told which number was expected', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put({ 'x-frazil-producer-id': 'p1', 'x-frazil-sequence': '9' })
      const outcome = putOutcome(call)
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write(batch())
      await services.until(() => services.appends.length === 1)
      services.appends[0]?.fail(
        new ServiceError('out-of-sequence', 'a gap', { context: { expected: 7n } }),
      )
      const { error } = await outcome
      expect(error?.code).to.equal(status.FAILED_PRECONDITION)
      expect(error?.details).to.equal('a gap: expected 7 [out-of-sequence]')
      const { info, retry } = errorDetails(error)
      expect(info).to.deep.equal({
        reason: 'OUT_OF_SEQUENCE',
        domain: 'frazil',
        metadata: { expected: '7' },
      })
      expect(retry).to.equal(undefined)
    })

    const refused: readonly [string, Record<string, string>, object[], RegExp][] = [
      ['numbers nothing', { 'x-frazil-producer-id': 'p' }, [batch()], /not numbered/],
      ['is not named', {}, [batch(8, note({ sequence: 1 }))], /no producer_id/],
      ['has no name', { 'x-frazil-sequence': '1' }, [batch()], /needs x-frazil-producer-id/],
      [
        'changes',
        {},
        [
          batch(8, note({ producer_id: 'p', sequence: 1 })),
          batch(8, note({ producer_id: 'q', sequence: 2 })),
        ],
        /one producer/,
      ],
      [
        'appears late',
        {},
        [batch(), batch(8, note({ producer_id: 'q', sequence: 2 }))],
        /one producer/,
      ],
      [
        'counts below zero',
        {},
        [batch(8, note({ producer_id: 'q', sequence: -2 }))],
        /whole number/,
      ],
    ]
    for (const [name, headers, data, text] of refused) {
      it(`are refused when the producer ${name}`, async () => {
        const call = fixture.client.put(headers)
        call.write({ descriptor: pathTo('orders'), ...SCHEMA })
        for (const message of data) call.write(message)
        call.end()
        const { error } = await putOutcome(call)
        expect(error?.code).to.equal(status.INVALID_ARGUMENT)
        expect(error?.details).to.match(text)
      })
    }
  })

  describe('failures', () => {
    it('acknowledges what is durable, then gives the reason', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put()
      const outcome = putOutcome(call)
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      for (let i = 0; i < 3; i += 1) call.write(batch())
      await services.until(() => services.appends.length === 3)
      services.appends[1]?.fail(new ServiceError('overloaded', 'the log is full: retry later'))
      services.appends[2]?.fail(new ServiceError('overloaded', 'the log is full: retry later'))
      await new Promise((resolve) => setImmediate(resolve))
      services.appends[0]?.settle()
      const { acks, error } = await outcome
      expect(acks).to.deep.equal([{ log_id: 'LOG', sequence: 1, batches: 1, rows: 10 }])
      expect(error?.code).to.equal(status.UNAVAILABLE)
      expect(errorDetails(error).retry).to.deep.include({
        retry_delay: { seconds: '0', nanos: 250_000_000 },
      })
      expect(fixture.server.inflightBytes).to.equal(0)
    })

    it('acknowledges the batches before a message that is refused', async () => {
      const { services, client } = fixture
      services.isHolding = true
      const call = client.put()
      const outcome = putOutcome(call)
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write(batch())
      call.write({ body: Buffer.alloc(1) })
      await services.until(() => services.appends.length === 1)
      services.appends[0]?.settle()
      const { acks, error } = await outcome
      expect(acks.at(-1)).to.include({ batches: 1 })
      expect(error?.code).to.equal(status.INVALID_ARGUMENT)
    })

    it('gives a refused opening as the status', async () => {
      fixture.services.openError = new ServiceError('schema-mismatch', 'column "a" is a string')
      const call = fixture.client.put()
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write(batch())
      const { error } = await putOutcome(call)
      expect(error?.code).to.equal(status.FAILED_PRECONDITION)
      expect(error?.details).to.equal('column "a" is a string [schema-mismatch]')
      expect(fixture.server.inflightBytes).to.equal(0)
    })

    it('hides defects of ours behind INTERNAL', async () => {
      fixture.services.openError = new TypeError('x of undefined') as never
      const call = fixture.client.put()
      call.end({ descriptor: pathTo('orders'), ...SCHEMA })
      const { error } = await putOutcome(call)
      expect(error?.code).to.equal(status.INTERNAL)
      expect(error?.details).not.to.contain('undefined')
    })

    it('keeps what a cancelled client sent and holds on to nothing', async () => {
      const { services, client, server } = fixture
      services.isHolding = true
      const call = client.put()
      call.on('error', () => {})
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write(batch())
      await services.until(() => services.appends.length === 1)
      call.cancel()
      expect(server.inflightBytes).to.be.greaterThan(0)
      services.appends[0]?.settle()
      await until(() => server.inflightBytes === 0 && server.openStreams === 0)
    })

    it('ends a stream whose deadline has passed', async () => {
      const { services, client, server } = fixture
      services.isHolding = true
      const call = client.put({ 'grpc-timeout': '50m' })
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      call.write(batch())
      const { error } = await putOutcome(call)
      expect(error?.code).to.equal(status.DEADLINE_EXCEEDED)
      services.appends[0]?.settle()
      await until(() => server.openStreams === 0)
    })
  })

  describe('options', () => {
    it('come with a JSON command', async () => {
      const call = fixture.client.put({ 'x-tenant-id': 'acme' })
      const descriptor = command({
        namespace: ['a', 'b'],
        table: 't',
        create: false,
        partition_by: ['day(ts)', 'region'],
        properties: { owner: 'me' },
        producer_id: 'p',
        sequence: 3,
      })
      call.end({ descriptor, ...SCHEMA })
      expect((await putOutcome(call)).error).to.equal(undefined)
      expect(fixture.services.requests[0]).to.deep.include({
        table: { tenant: 'acme', namespace: ['a', 'b'], name: 't' },
        isCreationAllowed: false,
        create: {
          partitionBy: [
            { column: 'ts', transform: 'day' },
            { column: 'region', transform: 'identity' },
          ],
          properties: { owner: 'me' },
        },
        producer: { id: 'p', firstSequence: 3n },
      })
    })

    for (const header of ['x-tenant-id', 'x-scope-orgid']) {
      it(`take the tenant from ${header}`, async () => {
        const call = fixture.client.put({ [header]: 'acme' })
        call.end({ descriptor: pathTo('orders'), ...SCHEMA })
        await putOutcome(call)
        expect(fixture.services.requests[0]?.table.tenant).to.equal('acme')
      })
    }
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
