/**
 * Who may import whom, as data. The table is the documentation; this test makes it true.
 * It reads every import of every source file, so a room cannot be entered by a back door.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'chai'

interface Room {
  /** Rooms that it may import besides itself. */
  readonly rooms: readonly string[]
  readonly packages: readonly string[]
}

const FOUNDATIONS = ['src/errors.ts', 'src/json.ts', 'src/names.ts', 'src/runtime'] as const

/** Floor by floor, from the ground up. A room may only name rooms that stand above it here. */
const HOUSE: Readonly<Record<string, Room>> = {
  // Floor 1
  wal: { rooms: [], packages: ['level'] },
  'src/errors.ts': { rooms: [], packages: [] },
  'src/json.ts': { rooms: ['src/errors.ts'], packages: [] },
  'src/names.ts': { rooms: ['src/errors.ts'], packages: [] },
  'src/runtime': { rooms: ['src/errors.ts'], packages: ['pino', 'ulid'] },
  'src/config': { rooms: ['src/errors.ts'], packages: ['zod', 'yaml'] },
  'src/iceberg': { rooms: ['src/errors.ts', 'src/json.ts'], packages: ['avsc'] },
  'src/storage': { rooms: ['src/errors.ts', 'src/names.ts', 'src/runtime'], packages: [] },
  // Floor 2
  'src/entry.ts': { rooms: ['src/errors.ts', 'src/names.ts'], packages: [] },
  'src/catalog': {
    rooms: [...FOUNDATIONS, 'src/iceberg', 'src/storage'],
    packages: [],
  },
  'src/arrow': {
    rooms: ['src/errors.ts', 'src/iceberg', 'src/config'],
    packages: ['apache-arrow'],
  },
  // Floor 3
  'src/parquet': {
    rooms: ['src/errors.ts', 'src/runtime', 'src/entry.ts', 'src/arrow', 'src/iceberg'],
    packages: ['parquet-wasm', 'apache-arrow'],
  },
  'src/ingest': {
    rooms: [
      ...FOUNDATIONS,
      'src/entry.ts',
      'src/arrow',
      'src/iceberg',
      'src/catalog',
      'src/config',
      'wal',
    ],
    packages: [],
  },
  // Floor 4: the two wings, which never meet
  'src/processor': {
    rooms: [
      ...FOUNDATIONS,
      'src/entry.ts',
      'src/parquet',
      'src/iceberg',
      'src/catalog',
      'src/storage',
      'src/config',
      'wal',
    ],
    packages: [],
  },
  'src/server': {
    rooms: [
      ...FOUNDATIONS,
      'src/entry.ts',
      'src/ingest',
      'src/catalog',
      'src/iceberg',
      'src/config',
    ],
    packages: ['@grpc/grpc-js', '@grpc/proto-loader'],
  },
  // The client stands alone: it is published as `frazil/client`.
  'src/client': {
    rooms: [...FOUNDATIONS],
    packages: ['@grpc/grpc-js', 'apache-arrow'],
  },
  // Floor 5
  'src/status-view.ts': {
    rooms: ['src/json.ts', 'src/names.ts', 'src/entry.ts', 'src/processor', 'wal'],
    packages: [],
  },
  'src/service.ts': {
    rooms: [
      ...FOUNDATIONS,
      'src/entry.ts',
      'src/config',
      'src/iceberg',
      'src/storage',
      'src/catalog',
      'src/arrow',
      'src/parquet',
      'src/ingest',
      'src/processor',
      'src/server',
      'src/status-view.ts',
      'wal',
    ],
    packages: [],
  },
  // Floor 6
  'src/cli': {
    rooms: [
      ...FOUNDATIONS,
      'src/config',
      'src/iceberg',
      'src/client',
      'src/parquet',
      'src/service.ts',
      'wal',
    ],
    packages: ['commander', 'cli-progress', 'picocolors'],
  },
  // Floor 7
  'src/main.ts': { rooms: ['src/cli'], packages: [] },
}

const ROOT = path.resolve(import.meta.dirname, '../..')
const ROOMS = Object.keys(HOUSE)
const IMPORT =
  /^(?:import|export)\b[\w\s{},*]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm

interface Import {
  readonly file: string
  readonly room: string
  readonly target: string
}

function sources(): string[] {
  return ['src', 'wal'].flatMap((top) =>
    readdirSync(path.join(ROOT, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${top}/${name}`),
  )
}

function roomOf(file: string): string | undefined {
  return ROOMS.find((room) => file === room || file.startsWith(`${room}/`))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8')
  const room = roomOf(file) ?? ''
  return [...text.matchAll(IMPORT)].map((match) => ({
    file,
    room,
    target: match[1] ?? match[2] ?? match[3] ?? '',
  }))
}

/** The room of a relative import or of `#wal`; undefined for packages and Node's own modules. */
function targetRoom({ file, target }: Import): string | undefined {
  if (target === '#wal') return 'wal'
  if (!target.startsWith('.')) return undefined
  const resolved = path.posix.join(path.posix.dirname(file), target)
  return roomOf(resolved) ?? resolved
}

function packageOf(target: string): string {
  const parts = target.split('/')
  return target.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

function isAllowed(found: Import): boolean {
  const { room, target, file } = found
  if (target.startsWith('node:')) return true
  const to = targetRoom(found)
  if (to === undefined) return HOUSE[room]?.packages.includes(packageOf(target)) ?? false
  // The log has one door: nobody reaches past it by path, and it reaches for nothing.
  if (to === 'wal' && room !== 'wal' && target !== '#wal') return false
  if (file.startsWith('wal/') && !target.startsWith('./')) return false
  return to === room || (HOUSE[room]?.rooms.includes(to) ?? false)
}

describe('architecture', () => {
  const files = sources()
  const imports = files.flatMap(importsOf)

  it('visits every room of the house', () => {
    expect(files.map(roomOf)).to.not.include(undefined)
    for (const room of ROOMS)
      expect(
        files.some((file) => roomOf(file) === room),
        room,
      ).to.equal(true)
    expect(imports.length).to.be.greaterThan(100)
  })

  it('lets every room import only what the layer table allows', () => {
    const breaches = imports.filter((found) => !isAllowed(found))
    expect(breaches.map(({ file, target }) => `${file} imports ${target}`)).to.deep.equal([])
  })

  it('has no circle between rooms', () => {
    const order = new Map(ROOMS.map((room, floor) => [room, floor]))
    for (const [room, { rooms }] of Object.entries(HOUSE)) {
      for (const below of rooms) {
        expect(order.get(below), `${room} imports ${below}`).to.be.lessThan(order.get(room) ?? -1)
      }
    }
  })

  it('has every test that a promise names', () => {
    const text = readFileSync(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8')
    const promises = text.split('\n').filter((line) => /^\| P\d+ /.test(line))
    expect(promises).to.have.length(10)
    const named = promises.flatMap((line) => [...line.matchAll(/`(test\/[^`]+)`/g)])
    const missing = named.filter(([, name = '']) => !existsSync(path.join(ROOT, name)))
    expect(missing.map(([, name]) => name)).to.deep.equal([])
  })

  it('would notice a breach', () => {
    const planted: Import[] = [
      {
        file: 'src/server/flight/x.ts',
        room: 'src/server',
        target: '../../processor/processor.ts',
      },
      { file: 'src/ingest/x.ts', room: 'src/ingest', target: '../../wal/frame.ts' },
      { file: 'wal/x.ts', room: 'wal', target: '../src/errors.ts' },
      { file: 'src/iceberg/x.ts', room: 'src/iceberg', target: 'apache-arrow' },
    ]
    expect(planted.map(isAllowed)).to.deep.equal([false, false, false, false])
  })
})
