import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { CONFIG_KEYS, keyOf, variableOf } from '../../../src/config/keys.ts'
import { type ConfigInputs, loadConfig } from '../../../src/config/load.ts'
import { printConfig } from '../../../src/config/print.ts'
import { ServiceError } from '../../../src/errors.ts'

describe('config: where settings come from', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'frazil-config-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const load = (inputs: ConfigInputs = {}) => loadConfig({ directory, ...inputs })
  const write = (text: string, name = 'frazil.yaml') => {
    writeFileSync(join(directory, name), text)
    return name
  }
  const refused = (inputs: ConfigInputs = {}): string => {
    try {
      load(inputs)
    } catch (error) {
      expect(error).to.be.instanceOf(ServiceError)
      if (error instanceof ServiceError) expect(error.kind).to.equal('invalid')
      return String(error)
    }
    throw new Error('it was accepted')
  }

  it('gives the defaults when nobody says anything', () => {
    const { config, file, origins } = load()
    expect(config.flight.port).to.equal(8815)
    expect(config.data).to.equal('./.data')
    expect(file).to.equal(undefined)
    expect(origins.get('flight.port')).to.deep.equal({ source: 'default', from: 'default' })
  })

  it('prefers flags to the environment, the environment to the file, the file to defaults', () => {
    write('flight:\n  port: 1\n  host: localhost\n  drainMs: 7\ndata: file\n')
    const environment = { FRAZIL_FLIGHT_PORT: '2', FRAZIL_FLIGHT_HOST: '127.0.0.2' }
    const { config, origins, file } = load({ environment, flags: { 'flight.port': '3' } })
    expect(config.flight).to.include({ port: 3, host: '127.0.0.2', drainMs: 7 })
    expect(config.data).to.equal('file')
    expect(file).to.equal('frazil.yaml')
    expect(origins.get('flight.port')?.from).to.equal('--set flight.port=3')
    expect(origins.get('flight.host')?.from).to.equal('FRAZIL_FLIGHT_HOST')
    expect(origins.get('flight.drainMs')?.from).to.equal('frazil.yaml:4')
    expect(origins.get('wal.segmentBytes')?.source).to.equal('default')
  })

  it('reads the file of --config before that of FRAZIL_CONFIG before frazil.yaml', () => {
    write('data: default-file')
    write('data: from-variable', 'b.yaml')
    write('data: from-flag', 'c.yaml')
    const environment = { FRAZIL_CONFIG: 'b.yaml' }
    expect(load().config.data).to.equal('default-file')
    expect(load({ environment }).config.data).to.equal('from-variable')
    expect(load({ environment, file: 'c.yaml' }).config.data).to.equal('from-flag')
    expect(load({ file: join(directory, 'c.yaml') }).config.data).to.equal('from-flag')
  })

  it('takes an empty file and empty sections as saying nothing', () => {
    for (const text of ['', '# nothing\n', 'flight:\n', 'null\n']) {
      write(text)
      expect(load().config.flight.port).to.equal(8815)
    }
  })

  it('reads sizes and booleans as people write them', () => {
    write('wal:\n  segmentBytes: 32MiB\n')
    const environment = { FRAZIL_INGEST_CREATE_TABLES: 'false', FRAZIL_WAL_LOG_BYTES_MAX: '2 GB' }
    const { config } = load({ environment })
    expect(config.wal).to.include({ segmentBytes: 33_554_432, logBytesMax: 2_000_000_000 })
    expect(config.ingest.createTables).to.equal(false)
  })

  it('names every setting in the environment, and back', () => {
    expect(variableOf('wal.segmentBytes')).to.equal('FRAZIL_WAL_SEGMENT_BYTES')
    expect(variableOf('logLevel')).to.equal('FRAZIL_LOG_LEVEL')
    expect(CONFIG_KEYS.length).to.be.greaterThan(40)
    for (const key of CONFIG_KEYS) expect(keyOf(variableOf(key))).to.equal(key)
  })

  it('is frozen at every depth', () => {
    const { config } = load()
    expect(Object.isFrozen(config)).to.equal(true)
    expect(Object.isFrozen(config.wal)).to.equal(true)
  })

  it('prints every setting with who set it', () => {
    const rows = printConfig(load({ flags: { 'flight.port': '9' } }))
    expect(rows.map(({ key }) => key)).to.deep.equal(CONFIG_KEYS)
    expect(rows.find(({ key }) => key === 'flight.port')).to.deep.equal({
      key: 'flight.port',
      value: 9,
      from: '--set flight.port=9',
    })
  })

  const bad: readonly (readonly [string, ConfigInputs, string | undefined, RegExp])[] = [
    [
      'a negative size',
      { flags: { 'wal.segmentBytes': '-1' } },
      undefined,
      /wal\.segmentBytes: expected a size in bytes.*, got "-1" \(from --set wal\.segmentBytes=-1\)/,
    ],
    [
      'a negative number',
      {},
      'wal:\n  segmentBytes: -1',
      /wal\.segmentBytes: expected at least 65536, got -1 \(from frazil\.yaml:2\)/,
    ],
    [
      'a number too large',
      { environment: { FRAZIL_FLIGHT_PORT: '70000' } },
      undefined,
      /flight\.port: expected at most 65535, got "70000" \(from FRAZIL_FLIGHT_PORT\)/,
    ],
    [
      'text for a number',
      { environment: { FRAZIL_FLIGHT_PORT: 'http' } },
      undefined,
      /flight\.port: expected a whole number, got "http"/,
    ],
    [
      'a fraction',
      {},
      'commit:\n  ageMs: 1.5',
      /commit\.ageMs: expected a time in milliseconds.*, got 1\.5/,
    ],
    ['an unknown unit', { flags: { 'wal.logBytesMax': '12 zb' } }, undefined, /got "12 zb"/],
    [
      'a bad boolean',
      { flags: { 'flight.allowInsecure': 'maybe' } },
      undefined,
      /expected true or false, got "maybe"/,
    ],
    [
      'a word that is not in the list',
      {},
      'logLevel: loud',
      /logLevel: expected one of trace, debug, .*got "loud" \(from frazil\.yaml:1\)/,
    ],
    ['empty text', {}, 'data: ""', /data: expected text that is not empty/],
    ['a number for text', {}, 'warehouse: 12', /warehouse: expected text, got 12/],
    ['a list for a value', {}, 'data: [a]', /data: expected a single value/],
    ['nothing for a value', {}, 'data:', /data: expected text, got null/],
    ['a value for a section', {}, 'wal: 5', /wal: expected a map of settings/],
    ['a file that is not a map', {}, '- a', /expected a map of settings/],
    ['a file that is not YAML', {}, 'a: [', /frazil\.yaml:1/],
    ['a key given twice', {}, 'data: a\ndata: b', /unique.*frazil\.yaml:2/],
    [
      'an unknown key in the file',
      {},
      'wal:\n  segmentByte: 1',
      /wal\.segmentByte: no such setting; did you mean wal\.segmentBytes\? \(from frazil\.yaml:2\)/,
    ],
    [
      'a log of fewer than three segments',
      { flags: { 'wal.logBytesMax': '100MiB' } },
      undefined,
      /wal\.logBytesMax: expected at least 3 x wal\.segmentBytes, which is 201326592, and it is 104857600, got "100MiB" \(from --set wal\.logBytesMax=100MiB\)/,
    ],
    [
      'a log that its largest entry does not fit',
      { flags: { 'wal.entryBytesMax': '1GiB' } },
      'wal:\n  logBytesMax: 1GiB',
      /wal\.logBytesMax: expected at least wal\.entryBytesMax \+ 3 x wal\.segmentBytes, which is 1275068416,/,
    ],
    [
      'a segment that frames would not line up in',
      { flags: { 'wal.segmentBytes': '100001' } },
      undefined,
      /wal\.segmentBytes: expected a multiple of 8, got "100001"/,
    ],
    ['an unknown section', {}, 'wall:\n  segmentBytes: 1', /wall: no such setting/],
    [
      'an unknown flag',
      { flags: { 'wal.segment_bytes': '1' } },
      undefined,
      /did you mean wal\.segmentBytes\? \(from --set wal\.segment_bytes=1\)/,
    ],
    [
      'a flag without its section',
      { flags: { segmentBytes: '1' } },
      undefined,
      /did you mean wal\.segmentBytes\?/,
    ],
    ['a section as a flag', { flags: { wal: '1' } }, undefined, /wal: no such setting/],
    [
      'a name that every object has',
      { flags: { constructor: '1', __proto__: '1' } },
      undefined,
      /constructor: no such setting/,
    ],
    [
      'an unknown variable',
      { environment: { FRAZIL_FLIGHT_PROT: '1' } },
      undefined,
      /FRAZIL_FLIGHT_PROT: no such setting; did you mean FRAZIL_FLIGHT_PORT\?/,
    ],
    [
      'a log that is smaller than its segments',
      { flags: { 'wal.logBytesMax': '100MiB' } },
      undefined,
      /wal\.logBytesMax: expected at least 3 x wal\.segmentBytes, which is 201326592, and it is 104857600, got "100MiB" \(from --set wal\.logBytesMax=100MiB\)/,
    ],
    [
      'a name like no other',
      { flags: { zzzzzz: '1' } },
      undefined,
      /zzzzzz: no such setting; `frazil config print` lists all/,
    ],
    [
      'a file that is not there',
      { file: 'none.yaml' },
      undefined,
      /none\.yaml: expected a file that can be read, got ENOENT \(from --config none\.yaml\)/,
    ],
    [
      'a variable that names no file',
      { environment: { FRAZIL_CONFIG: 'none.yaml' } },
      undefined,
      /ENOENT \(from FRAZIL_CONFIG\)/,
    ],
  ]
  for (const [what, inputs, file, message] of bad) {
    it(`refuses ${what}`, () => {
      if (file !== undefined) write(file)
      expect(refused(inputs)).to.match(message)
    })
  }

  for (const [text, ms] of [
    ['5s', 5_000],
    ['500ms', 500],
    ['1m', 60_000],
    ['1.5 h', 5_400_000],
    ['250', 250],
  ] as const) {
    it(`reads the time ${text}`, () => {
      expect(load({ flags: { 'commit.ageMs': text } }).config.commit.ageMs).to.equal(ms)
    })
  }

  for (const text of ['5 parsecs', '1.5', 's', '-1s']) {
    it(`refuses the time ${text}`, () => {
      expect(refused({ flags: { 'commit.ageMs': text } })).to.match(/a time in milliseconds/)
    })
  }

  it('lists all problems at once', () => {
    write('wal:\n  segmentBytes: 1\nfoo: 1\n')
    const message = refused({ flags: { 'flight.port': 'x' }, environment: { FRAZIL_BAR: '1' } })
    expect(message).to.match(/4 problems/)
    for (const key of ['wal.segmentBytes', 'foo', 'flight.port', 'FRAZIL_BAR']) {
      expect(message).to.include(`\n  ${key}: `)
    }
  })

  it('lets pass what Kubernetes sets for a Service of our name, and variables of others', () => {
    const environment = {
      FRAZIL_SERVICE_HOST: '10.0.0.1',
      FRAZIL_SERVICE_PORT_FLIGHT: '8815',
      FRAZIL_PORT: 'tcp://10.0.0.1:8815',
      FRAZIL_PORT_8815_TCP_ADDR: '10.0.0.1',
      FRAZIL_ADDRESS: '127.0.0.1:1',
      FRAZIL_TENANT: 'acme',
      HOME: '/root',
    }
    expect(load({ environment }).config.flight.port).to.equal(8815)
  })
})
