/** The log's own error: it knows nothing of the service around it, which translates the kind. */

export type WalErrorKind =
  /** `close` was called. */
  | 'closed'
  /** Another process has this log open. */
  | 'locked'
  /** A limit or the disk is reached; nothing was written; later may work. */
  | 'full'
  /** Larger than `entryBytesMax`; nothing was written. */
  | 'too-large'
  /** A producer's number is not the next one; `expected` is. */
  | 'out-of-sequence'
  /** Damage that makes it unsafe to go on. */
  | 'corrupt'
  /** The disk failed: what was not yet acknowledged may or may not be there after reopening. */
  | 'io'
  /** The caller's mistake: a key that is too long, a quarantine of an entry that is not live. */
  | 'invalid'

export class WalError extends Error {
  readonly kind: WalErrorKind
  /** With `out-of-sequence`: the number that would have been accepted. */
  readonly expected: bigint | undefined

  constructor(
    kind: WalErrorKind,
    message: string,
    detail: { cause?: unknown; expected?: bigint } = {},
  ) {
    super(`wal: ${message}`, { cause: detail.cause })
    this.name = 'WalError'
    this.kind = kind
    this.expected = detail.expected
  }
}
