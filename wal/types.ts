/**
 * The log's vocabulary: what its callers say and hear. `README.md` beside this file states the
 * guarantees (W1…) and the format on disk.
 */

export interface WalLimits {
  /** Size of a preallocated segment file in bytes. A larger entry gets a segment of its own. */
  readonly segmentBytes: number
  /** Most bytes of segment files on disk. An append that would need more is refused as `full`. */
  readonly logBytesMax: number
  /** Free bytes that the file system must keep. Below it, appends are refused as `full`. */
  readonly diskReserveBytes: number
  /** Most payload bytes and entries in one group commit. */
  readonly groupBytesMax: number
  readonly groupEntriesMax: number
  /** Largest entry: payload and definitions together. */
  readonly entryBytesMax: number
  /** Most bytes waiting for their group commit; beyond it appends are refused as `full`. */
  readonly waitingBytesMax: number
  /** Most acknowledged entries that the index may be behind before appends wait for it. */
  readonly indexLagEntriesMax: number
  /** Most producers remembered; a new one beyond it forgets the one unused longest. */
  readonly producersMax: number
  /**
   * Most keys known at once. Beyond it the oldest one without live entries is forgotten; when every
   * one has some, an append under a new key is refused as `full`.
   */
  readonly keysMax: number
  /** Most quarantined entries kept; beyond it `quarantine` is refused as `full`. */
  readonly quarantineEntriesMax: number
}

/** Bytes that many entries share (to Frazil: an Arrow schema, a dictionary), stored once a segment. */
export interface Definition {
  /** Names the content: equal ids mean equal bytes. 32 lower-case hex digits. */
  readonly id: string
  readonly parts: readonly Uint8Array[]
}

export interface AppendRequest {
  /** The stream that this entry belongs to. At most 1,024 UTF-8 bytes. */
  readonly key: string
  /** Written in this order without copying; must not change until the append settles. */
  readonly payload: readonly Uint8Array[]
  /** What a reader of this entry needs, in the order in which it needs them. */
  readonly definitions: readonly Definition[]
  /** Who sent it and as which of its batches, counted per key from 0n: makes a retry recognisable. */
  readonly producer?: { readonly id: string; readonly sequence: bigint }
}

export interface Appended {
  readonly sequence: bigint
  /** The producer had sent it before: nothing was written, `sequence` is the first one's if known. */
  readonly isDuplicate: boolean
}

export type WalEntry =
  | {
      readonly kind: 'entry'
      readonly sequence: bigint
      /** Milliseconds since the epoch at the append; informative, never used for order. */
      readonly appendedAt: number
      readonly payload: Uint8Array
      readonly definitions: readonly { readonly id: string; readonly bytes: Uint8Array }[]
    }
  /** Acknowledged, and its bytes no longer match their checksum. Never skipped in silence. */
  | { readonly kind: 'corrupt'; readonly sequence: bigint; readonly reason: string }

/** One stream's live entries: appended, durable, not trimmed, not quarantined. */
export interface KeyState {
  readonly key: string
  readonly entries: number
  readonly bytes: number
  /** Undefined when there is no live entry. */
  readonly firstSequence: bigint | undefined
  /** The last sequence ever appended to this stream. */
  readonly lastSequence: bigint
  /** 0n when never trimmed. */
  readonly trimmedThrough: bigint
  /** `appendedAt` of the first live entry. */
  readonly oldestAppendedAt: number | undefined
}

export interface QuarantinedEntry {
  readonly key: string
  readonly sequence: bigint
  readonly reason: string
  readonly bytes: number
  /** Where its bytes are kept. */
  readonly file: string
}

/** What opening found. Damage is reported here and stays readable; it is never guessed over. */
export interface Recovery {
  readonly entries: number
  readonly tornTailBytes: number
  readonly damaged: readonly {
    readonly file: string
    readonly offset: number
    readonly reason: string
  }[]
  /** Index records that were missing or wrong and were made again from the segments. */
  readonly indexRepairs: number
}

export interface WalStats {
  readonly id: string
  readonly epoch: bigint
  readonly nextSequence: bigint
  readonly durableThrough: bigint
  readonly segments: number
  readonly freeSegments: number
  readonly logBytes: number
  readonly liveEntries: number
  readonly liveBytes: number
  readonly producers: number
  readonly quarantined: readonly QuarantinedEntry[]
  readonly recovery: Recovery
}

/** One time that the log was opened. Sequences below its first were given out by earlier ones. */
export interface Opening {
  readonly epoch: bigint
  readonly nonce: string
  readonly firstSequence: bigint
}

export interface Wal {
  /** A ULID made with the log. */
  readonly id: string
  /** Grows by one at each opening. */
  readonly epoch: bigint
  /** Random at each opening: tells two openings of equal epoch (a copied log) apart. */
  readonly nonce: string
  /** The openings of this very log in their order, this one last; the oldest may be forgotten. */
  readonly openings: readonly Opening[]
  /**
   * Resolves when the entry is durable; sequences of one key rise in the order of the calls.
   *
   * @throws WalError `full` or `too-large` before anything is written; `out-of-sequence` for a
   * producer's gap, with `expected`; `io` when it is not known to be durable, after which the log
   * is poisoned and every further append fails.
   */
  append(request: AppendRequest): Promise<Appended>
  /**
   * Live durable entries of a key in order, after a sequence: as many as fit `bytesMax`, and at
   * least one if there is any.
   *
   * @throws WalError `io` when reading fails now, which says nothing about the entries.
   */
  read(key: string, after: bigint, bytesMax: number): Promise<WalEntry[]>
  /** Forgets a key's entries up to and including a sequence; durable when it resolves. Idempotent. */
  trim(key: string, through: bigint): Promise<void>
  /** Sets one live entry aside: its bytes and the reason are durable elsewhere when it resolves. */
  quarantine(key: string, sequence: bigint, reason: string): Promise<void>
  /** Of every key that the log knows; takes time for each. */
  keys(): KeyState[]
  /** Of one key; undefined when the log does not know it, or has forgotten it. */
  keyState(key: string): KeyState | undefined
  stats(): WalStats
  /** Finishes what was appended, then releases the lock. Safe to call twice. */
  close(): Promise<void>
}

export interface OpenWalOptions {
  readonly directory: string
  readonly limits: WalLimits
  /** Milliseconds since the epoch; for `appendedAt` only. */
  readonly now: () => number
  /** A ULID; used once, when the log is made. */
  readonly newId: () => string
  /** Called once, when a failed write or fsync has poisoned the log. The process should end. */
  readonly onPoison?: (error: Error) => void
}
