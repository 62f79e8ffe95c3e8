import { once } from 'node:events'
import { logVerbosity, setLogVerbosity, status } from '@grpc/grpc-js'
import { expect } from 'chai'
import { ServiceError } from '../../src/errors.ts'
import { parseJson } from '../../src/json.ts'
import { tableIdentifier } from '../../src/names.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import type { WireFlightInfo } from '../../src/server/flight/contract.ts'
import { startFlightServer } from '../../src/server/flight/server.ts'
import { type FlightFixture, flightConfig, startFixture } from '../support/flight-client.ts'
import { FakeServices, fakeTable } from '../support/flight-fakes.ts'

describe('flight: calls beside DoPut', () => {
  let fixture: FlightFixture

  beforeEach(async () => {
    fixture = await startFixture()
  })

  afterEach(() => fixture.close())

  describe('listing', () => {
    it('gives one FlightInfo for each table of the caller, and of nobody else', async () => {
      fixture.services.tables.push(
        fakeTable('acme', 'orders', '42'),
        fakeTable('acme', 'empty'),
        fakeTable('other', 'secret', '7'),
      )
      const infos = await fixture.client.rows<WireFlightInfo>(
        'ListFlights',
        {},
        { 'x-tenant-id': 'acme' },
      )
      expect(infos.map((info) => info.flight_descriptor.path)).to.deep.equal([
        ['sales', 'orders'],
        ['sales', 'empty'],
      ])
      expect(infos.map((info) => info.flight_descriptor.type)).to.deep.equal(['PATH', 'PATH'])
      expect(infos.map((info) => info.total_records)).to.deep.equal(['42', '0'])
      expect(infos[0]?.total_bytes).to.equal('-1')
      expect(infos[0]?.endpoint).to.deep.equal([])
      expect(String(infos[0]?.schema)).to.equal('ipc of schema 7')
      expect(parseJson(String(infos[0]?.app_metadata))).to.deep.equal({
        'table-uuid': 'uuid-of-orders',
        location: 'file:///orders',
        'metadata-location': 'file:///orders/metadata.json',
        'snapshot-id': 2n ** 60n + 3n,
      })
    })

    it('passes over a table that is dropped meanwhile', async () => {
      const { services, client } = fixture
      services.tables.push(fakeTable('default', 'orders', '1'))
      services.catalog.loadTable = async () => {
        throw new ServiceError('not-found', 'gone')
      }
      expect(await client.rows('ListFlights', {})).to.deep.equal([])
    })

    it('refuses criteria that it would have to ignore', async () => {
      const error = await refused(
        fixture.client.rows('ListFlights', { expression: Buffer.from('x') }),
      )
      expect(error.code).to.equal(status.UNIMPLEMENTED)
    })

    it('writes more tables than fit into its buffer', async () => {
      for (let i = 0; i < 100; i += 1) fixture.services.tables.push(fakeTable('default', `t${i}`))
      expect(await fixture.client.rows('ListFlights', {})).to.have.length(100)
    })
  })

  it('GetFlightInfo and GetSchema answer for a table, by path or by name', async () => {
    fixture.services.tables.push(fakeTable('default', 'orders', '42'))
    const info = await fixture.client.unary<WireFlightInfo>('GetFlightInfo', {
      type: 'PATH',
      path: ['sales', 'orders'],
    })
    expect(info.total_records).to.equal('42')
    const { schema } = await fixture.client.unary<{ schema: Buffer }>('GetSchema', {
      type: 'CMD',
      cmd: Buffer.from('sales.orders'),
    })
    expect(schema.toString()).to.equal('ipc of schema 7')
  })

  it('GetSchema answers what another schema would do, beside the schema that would come of it', async () => {
    const { client, services } = fixture
    const schema = Buffer.from('schema message').toString('base64')
    const asked = { table: 'orders', plan: true, schema, create: false, partition_by: ['a'] }
    const descriptor = { type: 'CMD', cmd: Buffer.from(JSON.stringify(asked)) }
    const answer = await client.unary<{ schema: Buffer }>('GetSchema', descriptor)
    const [request] = services.requests
    expect(request).to.deep.include({ isCreationAllowed: false })
    expect(Buffer.from(request!.schema).toString()).to.equal('schema message')
    expect(request?.create?.partitionBy).to.deep.equal([{ column: 'a', transform: 'identity' }])
    const text = answer.schema.toString()
    expect(text).to.match(/^ipc of schema 5/)
    expect(parseJson(text.replace('ipc of schema 5', ''))).to.deep.include({
      table: 'default.orders',
      outcome: 'create',
      evolution: 'additive',
    })
    const info = await refused(client.unary('GetFlightInfo', descriptor))
    expect(info.code).to.equal(status.INVALID_ARGUMENT)
    expect(info.details).to.match(/plan.*GetSchema/)
  })

  it('say NOT_FOUND of a table that is not there, and of one that is someone else’s', async () => {
    fixture.services.tables.push(fakeTable('other', 'orders', '42'))
    for (const call of ['GetFlightInfo', 'GetSchema']) {
      const error = await refused(
        fixture.client.unary(call, { type: 'PATH', path: ['sales', 'orders'] }),
      )
      expect(error.code).to.equal(status.NOT_FOUND)
    }
  })

  it('are refused with a way out when they are not offered', async () => {
    const { client } = fixture
    const get = await refused(client.rows('DoGet', { ticket: Buffer.from('x') }))
    expect(get.code).to.equal(status.UNIMPLEMENTED)
    expect(get.details).to.contain('DuckDB')
    const poll = await refused(client.unary('PollFlightInfo', { type: 'PATH', path: ['t'] }))
    expect(poll.code).to.equal(status.UNIMPLEMENTED)
    const exchange = client.duplex('DoExchange')
    const [error] = await once(exchange, 'error')
    expect(error.code).to.equal(status.UNIMPLEMENTED)
    expect(error.details).to.contain('DoPut')
  })

  describe('actions', () => {
    it('are listed', async () => {
      const rows = await fixture.client.rows<{ type: string }>('ListActions', {})
      expect(rows.map(({ type }) => type)).to.deep.equal([
        'flush',
        'status',
        'create',
        'describe',
        'snapshots',
      ])
    })

    it('flush everything, or one table', async () => {
      const { services, client } = fixture
      const table = tableIdentifier('acme', ['sales'], 'orders')
      services.flushResults = [{ table, snapshotId: 2n ** 60n + 1n }]
      const rows = await client.rows<{ body: Buffer }>(
        'DoAction',
        { type: 'flush' },
        { 'x-tenant-id': 'acme' },
      )
      expect(rows.map(({ body }) => parseJson(body.toString()))).to.deep.equal([
        { table: 'sales.orders', snapshot_id: 2n ** 60n + 1n },
      ])
      const body = Buffer.from('{"table": "sales.orders"}')
      await client.rows('DoAction', { type: 'flush', body }, { 'x-tenant-id': 'acme' })
      expect(services.flushes).to.deep.equal([
        { tenant: 'acme', table: undefined },
        { tenant: 'acme', table },
      ])
    })

    it('say of a table for which nothing waits where it stands, and of none that it is not there', async () => {
      const { services, client } = fixture
      services.tables.push(fakeTable('default', 'quiet', '5'))
      const body = (table: string) => Buffer.from(JSON.stringify({ table }))
      const request = { type: 'flush', body: body('sales.quiet') }
      const rows = await client.rows<{ body: Buffer }>('DoAction', request)
      expect(rows.map((row) => parseJson(row.body.toString()))).to.deep.equal([
        { table: 'sales.quiet', snapshot_id: 2n ** 60n + 3n },
      ])
      const none = { type: 'flush', body: body('sales.qiuet') }
      expect((await refused(client.rows('DoAction', none))).code).to.equal(status.NOT_FOUND)
    })

    it('give every result of a flush before the failure of one becomes the status', async () => {
      const { services, client } = fixture
      const table = tableIdentifier('default', ['sales'], 'orders')
      services.flushResults = [
        { table, error: 'the catalog is away' },
        { table, snapshotId: 1n },
      ]
      const error = await refused(client.rows('DoAction', { type: 'flush' }))
      expect(error.code).to.equal(status.UNAVAILABLE)
      expect(error.details).to.contain('sales.orders').and.to.contain('the catalog is away')
    })

    for (const body of ['{', '[]', '{"tabel": "x"}', '{"table": 5}', '{"table": "../x"}']) {
      it(`refuse the flush body ${body}`, async () => {
        const request = { type: 'flush', body: Buffer.from(body) }
        const error = await refused(fixture.client.rows('DoAction', request))
        expect(error.code).to.equal(status.INVALID_ARGUMENT)
        expect(fixture.services.flushes).to.have.length(0)
      })
    }

    it('tell the status, with every digit', async () => {
      const rows = await fixture.client.rows<{ body: Buffer }>('DoAction', { type: 'status' })
      expect(parseJson(String(rows[0]?.body))).to.deep.equal({
        tenant: 'default',
        entries: 2n ** 60n,
      })
    })

    it('are refused when unknown', async () => {
      const error = await refused(fixture.client.rows('DoAction', { type: 'dance' }))
      expect(error.code).to.equal(status.UNIMPLEMENTED)
      expect(error.details).to.contain('flush, status')
    })
  })

  describe('handshake', () => {
    for (const [name, requests] of [
      ['sends nothing', 0],
      ['sends one message', 1],
      ['sends two', 2],
    ] as const) {
      it(`gives one empty response and no token to a client that ${name}`, async () => {
        const call = fixture.client.duplex('Handshake')
        const headers = once(call, 'metadata')
        for (let i = 0; i < requests; i += 1) call.write({})
        call.end()
        const responses = await call.toArray()
        expect(responses.map(({ payload }) => payload.length)).to.deep.equal([0])
        expect((await headers)[0].get('authorization')).to.deep.equal([])
      })
    }

    it('answers a client that waits before it half-closes', async () => {
      const call = fixture.client.duplex('Handshake')
      call.write({ payload: Buffer.from('secret') })
      await once(call, 'data')
      call.end()
      await once(call, 'end')
    })
  })

  describe('health', () => {
    it('is SERVING for the process and for Flight, and NOT_FOUND for others', async () => {
      for (const service of ['', 'arrow.flight.protocol.FlightService']) {
        expect(await fixture.client.check(service)).to.deep.equal({ status: 'SERVING' })
      }
      const error = await refused(fixture.client.check('other'))
      expect(error.code).to.equal(status.NOT_FOUND)
    })

    it('tells those who watch before a drain, and lets them go', async () => {
      const call = fixture.client.watch('')
      const [first] = await once(call, 'data')
      expect(first).to.deep.equal({ status: 'SERVING' })
      const second = once(call, 'data')
      const end = once(call, 'error').catch(() => {})
      const drained = fixture.server.drain()
      expect((await second)[0]).to.deep.equal({ status: 'NOT_SERVING' })
      await end
      await drained
    })

    it('says SERVICE_UNKNOWN to those who watch what is not here', async () => {
      const call = fixture.client.watch('other')
      const [first] = await once(call, 'data')
      expect(first).to.deep.equal({ status: 'SERVICE_UNKNOWN' })
      call.on('error', () => {})
      call.cancel()
    })
  })

  describe('listening', () => {
    it('is refused beyond this machine without allowInsecure', async () => {
      for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org']) {
        const config = flightConfig({ host })
        const starting = startFlightServer({
          services: new FakeServices(),
          config,
          logger: silentLogger,
        })
        const error = await starting.then(
          () => undefined,
          (thrown: unknown) => thrown as ServiceError,
        )
        expect(error).to.have.property('kind', 'invalid')
        expect(error?.message).to.contain('flight.allowInsecure')
      }
    })

    it('says which port it took, and which one it could not', async () => {
      const { server } = fixture
      expect(server.address).to.equal(`127.0.0.1:${server.port}`)
      // grpc-js would also print it.
      setLogVerbosity(logVerbosity.NONE)
      const starting = startFlightServer({
        services: new FakeServices(),
        config: flightConfig({ port: server.port }),
        logger: silentLogger,
      })
      const error = await starting.then(
        () => undefined,
        (thrown: unknown) => thrown as ServiceError,
      )
      expect(error).to.have.property('kind', 'unavailable')
      expect(error?.message).to.contain(String(server.port))
    })
  })
})

async function refused(call: Promise<unknown>): Promise<{ code: number; details: string }> {
  return call.then(
    () => {
      throw new Error('was not refused')
    },
    (thrown: unknown) => thrown as { code: number; details: string },
  )
}
