/**
 * Entries back from the segments.
 *
 * Promises: what is returned matches its checksum, its key and its sequence, or is returned as
 * `corrupt`; an entry that is live is never skipped, whatever the index says about it, and never
 * called corrupt because reading it failed. Each payload has an ArrayBuffer of its own.
 */

import type { LiveEntry } from './entry-columns.ts'
import { WalError } from './errors.ts'
import { chainedCrc, type DefinitionReference, decodeHead, headLength } from './frame.ts'
import type { IndexStore, Location } from './index-store.ts'
import type { Ledger } from './ledger.ts'
import { scanSegment } from './scan.ts'
import type { Segment, Segments } from './segments.ts'
import type { WalEntry } from './types.ts'

const DEFINITION_HEAD_BYTES = headLength({ key: '', producer: undefined }, 1)
const CACHED_BYTES_MAX = 32 * 1024 * 1024
const ATTEMPTS_MAX = 4

interface ReaderOptions {
  readonly segments: Segments
  readonly ledger: Ledger
  readonly index: IndexStore
}

type Definitions = Map<string, Uint8Array>
type Loaded = WalEntry | { readonly kind: 'gone' }

/** Bytes that do not say what they should; becomes the reason of a corrupt entry. */
class Mismatch extends Error {}

export class Reader {
  readonly #options: ReaderOptions
  /** Least recently used first. */
  readonly #cache: Definitions = new Map()
  #cachedBytes = 0
  #repairs = 0

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** Index records that reading found missing or wrong and noted again. */
  get repairs(): number {
    return this.#repairs
  }

  /** @throws WalError `io`. */
  async read(key: string, after: bigint, bytesMax: number): Promise<WalEntry[]> {
    try {
      return await this.#read(key, after, bytesMax)
    } catch (error) {
      if (error instanceof WalError) throw error
      const message = `entries of ${key} cannot be read now: ${String(error)}`
      throw new WalError('io', message, { cause: error })
    }
  }

  async #read(key: string, after: bigint, bytesMax: number): Promise<WalEntry[]> {
    const { ledger, index } = this.#options
    const live = ledger.after(key, after, bytesMax)
    const [first, last] = [live[0], live.at(-1)]
    if (!first || !last) return []
    await index.caughtUp()
    const located = await index.locate(key, first.sequence, last.sequence, live.length)
    const definitions: Definitions = new Map()
    const entries: WalEntry[] = []
    for (const entry of live) {
      const loaded = await this.#load(key, entry, located.get(entry.sequence), definitions)
      if (loaded.kind !== 'gone') entries.push(loaded)
    }
    return entries
  }

  /** The frame as it stands on disk, whatever it looks like, after the definitions that it names. */
  async raw(key: string, sequence: bigint): Promise<Uint8Array[]> {
    const { index, ledger, segments } = this.#options
    await index.caughtUp()
    const live = ledger.find(key, sequence)
    const located = (await index.locate(key, sequence, sequence, 1)).get(sequence)
    const at = located ?? (live && (await this.#search(key, live)))
    const segment = at && segments.find(at.ordinal)
    if (!at || !segment) return []
    const frame = Buffer.allocUnsafeSlow(at.headBytes + at.payloadBytes)
    if (!(await segment.file.read([frame], at.offset))) return []
    const parts: Uint8Array[] = []
    for (const { offset } of decodeHead(frame, 0)?.head.definitions ?? []) {
      const head = Buffer.alloc(DEFINITION_HEAD_BYTES)
      await segment.file.read([head], offset)
      const payload = Buffer.alloc(decodeHead(head, 0)?.head.payloadBytes ?? 0)
      await segment.file.read([payload], offset + DEFINITION_HEAD_BYTES)
      parts.push(head, payload)
    }
    return [...parts, frame]
  }

  async #load(
    key: string,
    live: LiveEntry,
    located: Location | undefined,
    definitions: Definitions,
  ): Promise<Loaded> {
    const { sequence } = live
    let at = located
    let reason = 'it moved too often'
    let failure: { readonly error: unknown } | undefined
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      failure = undefined
      try {
        if (at) return await this.#readAt(key, live, at, definitions)
      } catch (error) {
        if (error instanceof Mismatch) reason = error.message
        else failure = { error }
      }
      // Between the index and the disk it may have been trimmed or moved, and its segment reused.
      const now = this.#options.ledger.find(key, sequence)
      if (!now) return { kind: 'gone' }
      const found = await this.#search(key, now)
      if (!found || isSame(found, at)) break
      at = found
      this.#repairs++
      this.#options.index.put(key, sequence, found)
    }
    // Want of memory or a disk that is away for a moment says nothing about the bytes.
    if (failure) throw failure.error
    return { kind: 'corrupt', sequence, reason: at ? reason : 'its frame is not in its segment' }
  }

  async #readAt(
    key: string,
    live: LiveEntry,
    at: Location,
    definitions: Definitions,
  ): Promise<WalEntry> {
    const segment = this.#options.segments.find(at.ordinal)
    if (!segment) throw new Mismatch(`segment ${at.ordinal} is not there`)
    // Before room is made for a length that nobody vouches for.
    if (at.payloadBytes !== live.bytes) throw new Mismatch('its length is another')
    const headBuffer = Buffer.alloc(at.headBytes)
    const payload = Buffer.allocUnsafeSlow(at.payloadBytes)
    if (!(await segment.file.read([headBuffer, payload], at.offset))) {
      throw new Mismatch('the file ends before it')
    }
    const head = decodeHead(headBuffer, 0)?.head
    if (!head) throw new Mismatch('its head does not match its checksum')
    const isOurs = head.kind === 'entry' && head.key === key && head.sequence === live.sequence
    if (!isOurs || head.life.ordinal !== at.ordinal) throw new Mismatch('another frame is there')
    if (chainedCrc([payload]) !== head.payloadCrc) {
      throw new Mismatch('its payload does not match its checksum')
    }
    const named: { id: string; bytes: Uint8Array }[] = []
    for (const reference of head.definitions) {
      named.push({ id: reference.id, bytes: await this.#define(segment, reference, definitions) })
    }
    return {
      kind: 'entry',
      sequence: head.sequence,
      appendedAt: head.appendedAt,
      payload: new Uint8Array(payload.buffer),
      definitions: named,
    }
  }

  /** One copy for each read: the caller may give its bytes away. */
  async #define(
    segment: Segment,
    reference: DefinitionReference,
    definitions: Definitions,
  ): Promise<Uint8Array> {
    const { id } = reference
    const known = definitions.get(id)
    if (known) return known
    const cached = this.#cache.get(id) ?? (await this.#readDefinition(segment, reference))
    this.#keep(id, cached)
    const copy = new Uint8Array(cached)
    definitions.set(id, copy)
    return copy
  }

  async #readDefinition(
    { file, ordinal }: Segment,
    { id, offset }: DefinitionReference,
  ): Promise<Uint8Array> {
    const headBuffer = Buffer.alloc(DEFINITION_HEAD_BYTES)
    const isRead = await file.read([headBuffer], offset)
    const head = isRead ? decodeHead(headBuffer, 0)?.head : undefined
    if (!head) throw new Mismatch(`the head of definition ${id} does not match its checksum`)
    const isNamed = head.kind === 'definition' && head.definitions[0]?.id === id
    if (!isNamed || head.life.ordinal !== ordinal)
      throw new Mismatch(`definition ${id} is not there`)
    const payload = Buffer.allocUnsafeSlow(head.payloadBytes)
    const isWhole = await file.read([payload], offset + DEFINITION_HEAD_BYTES)
    if (!isWhole || chainedCrc([payload]) !== head.payloadCrc) {
      throw new Mismatch(`definition ${id} does not match its checksum`)
    }
    return payload
  }

  #keep(id: string, bytes: Uint8Array): void {
    if (this.#cache.delete(id)) this.#cachedBytes -= bytes.length
    this.#cache.set(id, bytes)
    this.#cachedBytes += bytes.length
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cachedBytes <= CACHED_BYTES_MAX) break
      this.#cache.delete(oldest)
      this.#cachedBytes -= length
    }
  }

  /** Without the index: the whole segment is looked through. */
  async #search(key: string, { sequence, ordinal }: LiveEntry): Promise<Location | undefined> {
    const segment = this.#options.segments.find(ordinal)
    if (!segment) return undefined
    const bytes = Buffer.allocUnsafeSlow(Math.min(await segment.file.size(), segment.bytes))
    await segment.file.read([bytes], 0)
    const frames = scanSegment(segment.path, bytes)?.frames ?? []
    const frame = frames.findLast(
      ({ head }) => head.kind === 'entry' && head.key === key && head.sequence === sequence,
    )
    if (frame?.head.life.ordinal !== ordinal) return undefined
    const { offset, headBytes, head } = frame
    return { ordinal, offset, headBytes, payloadBytes: head.payloadBytes }
  }
}

function isSame(a: Location, b: Location | undefined): boolean {
  return b !== undefined && a.ordinal === b.ordinal && a.offset === b.offset
}
