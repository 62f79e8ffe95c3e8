import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { expect } from 'chai'
import { Table as WasmTable, writeParquet } from 'parquet-wasm'
import { WalError } from '#wal'
import { ServiceError } from '../../../src/errors.ts'
import { idleService, runCli } from '../../support/client-cli-run.ts'
import { FakeServer } from '../../support/client-fake-server.ts'
import { until } from '../../support/client-until.ts'

describe('command line', () => {
  let server: FakeServer
  let directory: string
  before(async () => {
    server = await FakeServer.start()
  })
  after(() => server.close())
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'frazil-cli-'))
    server.plans = []
    server.stored.length = 0
    server.puts.length = 0
    server.actions.length = 0
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const path = (name: string) => join(directory, name)
  const at = (...argv: string[]) => runCli(['--address', server.address, ...argv])
  const json = async (...argv: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await at(...argv, '--output', 'json')
    expect(code, stderr).to.equal(0)
    return JSON.parse(stdout) as unknown
  }

  describe('usage', () => {
    const wrong: readonly (readonly [string, string[], RegExp])[] = [
      ['no command', [], /Usage: frazil/],
      ['an unknown command', ['fly'], /unknown command 'fly'/],
      ['a command that is nearly one', ['tabels'], /Did you mean tables\?/],
      ['an unknown option', ['tables', '--wide'], /unknown option '--wide'/],
      ['a missing argument', ['put', 't'], /missing required argument 'files'/],
      ['one argument too many', ['describe', 'a', 'b'], /too many arguments/],
      [
        'a choice that there is not',
        ['tables', '--output', 'xml'],
        /Allowed choices are table, json/,
      ],
      [
        'a setting without a value',
        ['--set', 'flight.port', 'config', 'print'],
        /--set takes key=value/,
      ],
    ]
    for (const [what, argv, message] of wrong) {
      it(`refuses ${what} with code 2, on stderr`, async () => {
        const { code, stdout, stderr } = await runCli(argv)
        expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' })
        expect(stderr).to.match(message)
      })
    }

    it('helps on stdout with code 0, and documents the exit codes', async () => {
      const { code, stdout } = await runCli(['--help'])
      expect(code).to.equal(0)
      expect(stdout).to.include('Exit codes: 0 done')
    })

    it('says its version', async () => {
      const { code, stdout } = await runCli(['version', '--output', 'json'])
      expect(code).to.equal(0)
      expect(JSON.parse(stdout)).to.include({ frazil: '0.1.0', node: process.versions.node })
      const short = await runCli(['--version'])
      expect(short).to.deep.equal({ code: 0, stdout: '0.1.0\n', stderr: '' })
    })

    it('shows no default for an option that may be given several times', async () => {
      expect((await runCli(['put', '--help'])).stdout).not.to.include('[]')
    })
  })

  describe('config', () => {
    it('prints every setting and who set it', async () => {
      const { code, stdout } = await runCli(['config', 'print', '--set', 'flight.port=9'])
      expect(code).to.equal(0)
      expect(stdout).to.match(/flight\.port +9 +--set flight\.port=9/)
      expect(stdout).to.match(/wal\.segmentBytes +67108864 \(64 MiB\) +default/)
      expect(stdout).to.match(/commit\.ageMs +5000 \(5 s\) +default/)
      expect(stdout).to.match(/wal\.directory +\/.*\.data\/wal +default/)
    })

    it('prints JSON', async () => {
      const { stdout } = await runCli(['config', 'print', '--output', 'json'])
      expect(JSON.parse(stdout)).to.deep.include({
        key: 'flight.port',
        value: 8815,
        from: 'default',
      })
    })

    it('says yes to a valid one, silently with --quiet', async () => {
      writeFileSync(path('f.yaml'), 'data: x')
      const file = ['--config', path('f.yaml')]
      expect(await runCli(['config', 'validate', ...file])).to.include({ code: 0, stdout: '' })
      const quiet = await runCli(['config', 'validate', '--quiet', ...file])
      expect(quiet).to.deep.equal({ code: 0, stdout: '', stderr: '' })
    })

    it('refuses a host that other machines reach, as serve would', async () => {
      for (const command of [['config', 'validate'], ['serve']]) {
        const open = [...command, '--set', 'flight.host=0.0.0.0']
        const { code, stderr } = await runCli(open)
        expect(code).to.equal(3)
        expect(stderr).to.match(/flight\.host: expected this machine only.*allowInsecure=true/)
        expect((await runCli([...open, '--set', 'flight.allowInsecure=true'])).code).to.equal(0)
      }
    })

    it('refuses a wrong one with code 3, from any command that needs it', async () => {
      for (const command of [['config', 'validate'], ['serve'], ['tables']]) {
        const { code, stderr } = await runCli([...command, '--set', 'wal.segmentBytes=-1'])
        expect(code).to.equal(3)
        expect(stderr).to.match(
          /error: the configuration has one problem:\n {2}wal\.segmentBytes: /,
        )
      }
    })
  })

  describe('serve', () => {
    it('runs the service with the configuration until it is told to stop', async () => {
      let port = 0
      const startService = (config: { flight: { port: number } }) => {
        port = config.flight.port
        return Promise.resolve(idleService())
      }
      const environment = { FRAZIL_FLIGHT_PORT: '1234' }
      const { code, stdout } = await runCli(['serve'], { environment, parts: { startService } })
      expect({ code, port }).to.deep.equal({ code: 0, port: 1234 })
      expect(stdout).to.contain('grpc://127.0.0.1:1').and.to.contain('writer.write_batch(batch)')
    })

    it('says in one line of JSON where it listens', async () => {
      const { stdout } = await runCli(['--output', 'json', 'serve'])
      expect(JSON.parse(stdout)).to.include({ ready: true, flight: '127.0.0.1:1' })
    })

    it('says when it has stopped, and what waits in the log', async () => {
      expect((await runCli(['serve'])).stderr).to.equal('draining\nstopped\n')
      const startService = () => Promise.resolve(idleService(undefined, 3))
      const { stderr } = await runCli(['serve'], { parts: { startService } })
      expect(stderr).to.match(/stopped; 3 batches wait in the log/)
    })

    it('ends with a code of its own when the log has failed', async () => {
      const failed = Promise.resolve(new Error('EIO'))
      const startService = () => Promise.resolve(idleService(failed))
      const { code, stderr } = await runCli(['serve'], { parts: { startService }, isRunning: true })
      expect(code).to.equal(8)
      expect(stderr).to.contain('EIO')
    })
  })

  describe('asking the service', () => {
    it('lists the tables', async () => {
      server.flights = [
        { path: ['default', 'flights'], totalRecords: 3, totalBytes: 99 },
        { path: ['a', 'b', 't'], totalRecords: -1, totalBytes: -1 },
      ]
      const tables = [5, 7].map((bytes) => ({ table: 'default.flights', pending_bytes: bytes }))
      server.answers = { status: [JSON.stringify({ tables })] }
      const { stdout, stderr } = await at('tables')
      expect(stderr).to.include('not committed yet')
      expect(stdout).to.equal(
        'NAMESPACE  TABLE    ROWS  BYTES  WAITING\ndefault    flights  3     99          12\na.b        t        -     -            0\n',
      )
      expect(await json('tables')).to.deep.equal([
        { namespace: 'default', table: 'flights', rows: 3, bytes: 99, waiting: 12 },
        { namespace: 'a.b', table: 't', waiting: 0 },
      ])
    })

    it('describes a table', async () => {
      const description = {
        table: 'default.t',
        location: 'file:///w/t',
        current_snapshot: null,
        properties: { k: 'v' },
        schema: { fields: [{ id: 1, name: 'n', type: 'double', required: false }] },
      }
      server.answers = { describe: [JSON.stringify(description)] }
      const { stdout } = await at('describe', 't')
      expect(stdout).to.include('location: file:///w/t\ncurrent_snapshot: -\nproperties:\n  k: v\n')
      expect(stdout).to.match(/ID {2}COLUMN {2}TYPE {4}REQUIRED\n 1 {2}n {7}double {2}false\n$/)
      expect(await json('describe', 't')).to.deep.equal(description)
      expect(server.actions[0]).to.deep.include({ type: 'describe', body: { table: 'default.t' } })
    })

    it('lists snapshots with whole ids', async () => {
      const snapshot = `{"snapshot_id":9007199254740993,"timestamp_ms":0,"operation":"append","summary":{"added-records":"5","total-records":"5","total-data-files":"1"}}`
      server.answers = { snapshots: [`[${snapshot}]`] }
      const { stdout } = await at('snapshots', 'a.t')
      expect(stdout).to.match(/9007199254740993 {2}1970-01-01T00:00:00\.000Z {2}append {5}5/)
      expect((await at('snapshots', 'a.t', '--output', 'json')).stdout).to.include(
        '9007199254740993',
      )
    })

    it('flushes one table or all', async () => {
      server.answers = { flush: ['{"table":"default.t","snapshot_id":7}'] }
      expect((await at('flush', 't')).stdout).to.match(/default\.t +7 +-/)
      expect(await json('flush')).to.deep.equal([{ table: 'default.t', snapshot_id: 7 }])
      expect(server.actions.map(({ body }) => body)).to.deep.equal([{ table: 'default.t' }, {}])
    })

    it('shows the log of the service, or of a directory', async () => {
      server.answers = { status: ['{"wal":{"id":"L","live_entries":2}}'] }
      expect((await at('wal', 'status')).stdout).to.equal('wal:\n  id: L\n  live_entries: 2\n')
      const inspectWal = (from: string) => Promise.resolve({ from, nextSequence: 2n ** 60n })
      const offline = await runCli(['wal', 'status', '--directory', 'd', '--output', 'json'], {
        parts: { inspectWal },
      })
      expect(offline.stdout).to.include('"from": "d"')
      expect(offline.stdout).to.include('"next_sequence": 1152921504606846976')
    })

    it('shows tables, segments and quarantined entries of the log a line each', async () => {
      const state = { kind: 'waiting', retry_at: 5, reason: 'no catalog' }
      const table = {
        table: 'default.t',
        key: 'k',
        pending_entries: 3,
        pending_bytes: 99,
        watermark: 7,
        state,
        counters: { quarantined: 1 },
      }
      const quarantined = [{ key: 'k', sequence: 4, reason: 'torn' }]
      const status = { log: { id: 'L', quarantined, damaged: [] }, tables: [table] }
      server.answers = { status: [JSON.stringify(status)] }
      expect((await at('wal', 'status')).stdout.split('\n')).to.deep.equal([
        'log:',
        '  id: L',
        '  quarantined: 1',
        '  damaged: 0',
        'tables: 1',
        '',
        'quarantined',
        'KEY  SEQUENCE  REASON',
        'k           4  torn',
        '',
        'tables',
        'TABLE      PENDING ENTRIES  PENDING BYTES  OLDEST AGE MS  WATERMARK  QUARANTINED  STATE    REASON',
        'default.t                3             99  -                      7            1  waiting  no catalog',
        '',
      ])
    })

    it('tells by its code why a log cannot be opened or read', async () => {
      for (const [kind, expected] of [
        ['locked', 4],
        ['corrupt', 7],
        ['io', 8],
        ['invalid', 1],
      ] as const) {
        const parts = { inspectWal: () => Promise.reject(new WalError(kind, 'no, because')) }
        const { code, stderr } = await runCli(['wal', 'status', '--directory', 'd'], { parts })
        expect({ code, stderr }).to.deep.equal({ code: expected, stderr: 'error: no, because\n' })
      }
    })

    it('says that there are no tables, on stderr', async () => {
      server.flights = []
      server.answers = { status: ['{}'] }
      expect(await at('tables')).to.deep.equal({
        code: 0,
        stdout: 'NAMESPACE  TABLE  ROWS  BYTES  WAITING\n',
        stderr: 'there are no tables; `frazil put TABLE FILE` makes one\n',
      })
    })

    it('says whose it is', async () => {
      server.answers = { status: ['{}'] }
      await at('wal', 'status', '--tenant', 'acme')
      const environment = { FRAZIL_TENANT: 'beta', FRAZIL_ADDRESS: server.address }
      await runCli(['wal', 'status'], { environment })
      expect(server.actions.map(({ tenant }) => tenant)).to.deep.equal(['acme', 'beta'])
    })

    it('finds the service where it is configured', async () => {
      server.answers = { status: ['{}'] }
      const port = server.address.split(':')[1]
      const { code } = await runCli(['wal', 'status', '--set', `flight.port=${port}`])
      expect(code).to.equal(0)
    })

    it('does not let the other side drive the terminal', async () => {
      server.answers = { status: ['{"a":"\\u001b[31mred"}'] }
      expect((await at('wal', 'status')).stdout).to.equal('a: �[31mred\n')
    })

    it('fails with code 5 and a remedy when nobody is there', async () => {
      const { code, stdout, stderr } = await runCli(['tables', '--address', '127.0.0.1:1'])
      expect({ code, stdout }).to.deep.equal({ code: 5, stdout: '' })
      expect(stderr).to.equal(
        'error: cannot reach Frazil at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): is it running there?\n',
      )
    })

    it('fails at once when there is nobody to put to', async () => {
      const file = path('a.arrow')
      writeFileSync(file, tableToIPC(tableFromArrays({ n: Float64Array.of(1) }), 'file'))
      const { code, stderr } = await runCli(['put', 't', file, '--address', '127.0.0.1:1'])
      expect(code).to.equal(5)
      expect(stderr).to.match(/^error: cannot reach Frazil at 127\.0\.0\.1:1 /)
    })

    it('fails with code 1 for what the service refuses, and for a bad address', async () => {
      server.answers = {}
      expect((await at('describe', 't')).code).to.equal(1)
      const { code, stderr } = await runCli(['tables', '--address', 'nowhere'])
      expect(code).to.equal(1)
      expect(stderr).to.include('use host:port')
    })

    it('fails with code 7 for damage', async () => {
      const inspectWal = () => Promise.reject(new ServiceError('corrupt', 'segment 3 is damaged'))
      const { code, stderr } = await runCli(['wal', 'status', '--directory', 'd'], {
        parts: { inspectWal },
      })
      expect({ code, stderr }).to.deep.equal({ code: 7, stderr: 'error: segment 3 is damaged\n' })
    })

    it('shows a stack only when debugging', async () => {
      const inspectWal = () => Promise.reject(new Error('boom'))
      const environment = { FRAZIL_LOG_LEVEL: 'debug' }
      const argv = ['wal', 'status', '--directory', 'd']
      expect((await runCli(argv, { parts: { inspectWal } })).stderr).to.equal('error: boom\n')
      const debugged = await runCli(argv, { parts: { inspectWal }, environment })
      expect(debugged.stderr).to.match(/\n {4}at /)
    })

    it('colours only for a terminal that wants it', async () => {
      const argv = ['tables', '--address', 'x']
      const red = '\u001b[31m'
      expect((await runCli(argv, { isTTY: true })).stderr).to.include(red)
      expect(
        (await runCli(argv, { isTTY: true, environment: { NO_COLOR: '1' } })).stderr,
      ).not.to.include(red)
      expect((await runCli([...argv, '--no-color'], { isTTY: true })).stderr).not.to.include(red)
      expect((await runCli(argv)).stderr).not.to.include(red)
    })
  })

  describe('put', () => {
    const write = (name: string, format: 'file' | 'stream', ...n: number[]) => {
      writeFileSync(path(name), tableToIPC(tableFromArrays({ n: Float64Array.from(n) }), format))
      return path(name)
    }
    const stored = () => server.rows().map(({ n }) => n)
    beforeEach(() => {
      server.answers = { status: ['{}'] }
    })

    it('sends Arrow files and streams, in order, as one producer', async () => {
      const files = [write('a', 'file', 1, 2), write('b', 'stream', 3), write('c', 'file', 4)]
      const { code, stdout, stderr } = await at('put', 'a.t', ...files)
      expect(code, stderr).to.equal(0)
      expect(stored()).to.deep.equal([1, 2, 3, 4])
      expect(stdout).to.match(/^TABLE +ROWS +BATCHES +DUPLICATES.*\na\.t +4 +3 +0 +LOG +3 +-\n$/)
      expect(stderr).to.equal(
        '4 rows in 5.0 s (1 rows/s), durable\ncommitted within 5 s (commit.ageMs), or now with `frazil flush`\n',
      )
      expect(server.puts).to.have.length(1)
    })

    it('sends Parquet', async () => {
      const table = tableFromArrays({ n: Float64Array.from([5, 6, 7]) })
      const parquet = writeParquet(WasmTable.fromIPCStream(tableToIPC(table, 'stream')))
      writeFileSync(path('p'), parquet)
      expect((await at('put', 't', path('p'), write('a', 'file', 8))).code).to.equal(0)
      expect(stored()).to.deep.equal([5, 6, 7, 8])
    })

    it('passes its options on', async () => {
      const options = '--ack committed --no-create --partition-by day(ts) --partition-by r'
      const more = '--property k=v=w --producer-id me'
      const argv = ['put', 't', write('a', 'file', 1), ...`${options} ${more}`.split(' ')]
      const { code } = await at(...argv)
      expect(code).to.equal(0)
      expect(server.puts[0]?.descriptor?.command).to.deep.equal({
        namespace: 'default',
        table: 't',
        create: false,
        partition_by: ['day(ts)', 'r'],
        properties: { k: 'v=w' },
        ack: 'committed',
      })
      expect(server.stored[0]).to.include({ producer: 'me', sequence: 0 })
    })

    it('stores nothing twice under the same producer id', async () => {
      const argv = ['put', 't', write('a', 'file', 1), '--producer-id', 'me']
      await at(...argv)
      expect(await json(...argv)).to.deep.equal([
        { table: 't', rows: 1, batches: 1, duplicates: 1, log_id: 'LOG', sequence: 1 },
      ])
      expect(stored()).to.deep.equal([1])
    })

    it('shows a bar to a terminal, and none with --quiet', async () => {
      const argv = ['put', 't', write('a', 'file', 1), '--address', server.address]
      expect((await runCli(argv, { isTTY: true })).stderr).to.include('%')
      expect((await runCli([...argv, '--quiet'], { isTTY: true })).stderr).to.equal('')
    })

    it('refuses files that are not there or not data, before it sends anything', async () => {
      writeFileSync(path('text'), 'hello, world')
      writeFileSync(path('empty'), '')
      const good = write('a', 'file', 1)
      for (const [bad, message] of [
        [path('none'), /cannot open .*none: ENOENT/],
        [path('text'), /text is neither Arrow IPC \(file or stream\) nor Parquet/],
        [path('empty'), /empty is neither/],
        [directory, /is not a file/],
      ] as const) {
        const { code, stderr } = await at('put', 't', good, bad)
        expect(code).to.equal(1)
        expect(stderr).to.match(message)
      }
      expect(server.puts).to.have.length(0)
    })

    it('refuses a torn file by its name', async () => {
      for (const [name, format] of [
        ['f', 'file'],
        ['s', 'stream'],
      ] as const) {
        const torn = write(name, format, ...Array.from({ length: 100 }, (_, i) => i))
        truncateSync(torn, 600)
        const { code, stderr } = await at('put', 't', torn)
        expect(code, stderr).to.equal(1)
        expect(stderr).to.include(`${torn} cannot be read as Arrow`)
      }
      copyFileSync(path('f'), path('p'))
      writeFileSync(path('p'), 'PAR1 and then nothing PAR1')
      const { code, stderr } = await at('put', 't', path('p'))
      expect(code, stderr).to.equal(1)
      expect(stderr).to.include('cannot be read as Parquet')
    })

    it('names the file that cannot be read, and what of the others is stored', async () => {
      writeFileSync(path('bad'), 'PAR1 and then nothing PAR1')
      const files = [write('a', 'file', 1, 2), path('bad'), write('c', 'file', 3)]
      const { code, stderr } = await at('put', 't', ...files)
      expect({ code, stored: stored() }).to.deep.equal({ code: 6, stored: [1, 2] })
      expect(stderr).to.match(/bad.*cannot be read as Parquet.*; the 1 file before it is stored; /)
    })

    it('names the file that the service refuses', async () => {
      server.plans = [{ fail: { after: 2, code: status.INVALID_ARGUMENT, reason: 'INVALID' } }]
      const files = [1, 2, 3].map((n) => write(`f${n}`, 'file', n))
      const { stderr } = await at('put', 't', ...files)
      expect(stderr).to.match(/error: \S+f2: no, because; the 1 file before it is stored; repeat/)
    })

    it('ends with code 6 when a part is stored, and says how to go on', async () => {
      server.plans = [{ fail: { after: 2, code: status.INVALID_ARGUMENT, reason: 'INVALID' } }]
      const files = [1, 2, 3].map((n) => write(`f${n}`, 'file', n))
      const { code, stderr } = await at('put', 't', ...files)
      const id = server.stored[0]?.producer ?? ''
      expect(code).to.equal(6)
      expect(stderr).to.include(`--producer-id ${id}`)
      const again = await at('put', 't', ...files, '--producer-id', id)
      expect(again.code).to.equal(0)
      expect(stored()).to.deep.equal([1, 2, 3])
    })

    it('ends with code 1 when nothing is', async () => {
      server.plans = [{ fail: { after: 0, code: status.FAILED_PRECONDITION } }]
      const { code, stderr } = await at('put', 't', write('a', 'file', 1))
      expect({ code, stderr }).to.deep.equal({
        code: 1,
        stderr: `error: ${path('a')}: no, because\n`,
      })
    })

    it('ends with code 130 when interrupted', async () => {
      server.plans = [{ hold: new Promise(() => {}) }]
      const interrupt = new AbortController()
      const argv = ['put', 't', write('a', 'file', 1), '--address', server.address]
      const running = runCli(argv, { interrupt })
      await until(() => server.stored.length > 0)
      interrupt.abort()
      expect((await running).code).to.equal(130)
    })
  })
})
