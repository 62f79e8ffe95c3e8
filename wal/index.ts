/** The only door of the log. Everything else in this folder is its own business. */
export { WalError, type WalErrorKind } from './errors.ts'
export { inspectWal, type SegmentInspection, type WalInspection } from './inspect.ts'
export type {
  Appended,
  AppendRequest,
  Definition,
  KeyState,
  Opening,
  OpenWalOptions,
  QuarantinedEntry,
  Recovery,
  Wal,
  WalEntry,
  WalLimits,
  WalStats,
} from './types.ts'
export { openWal } from './wal.ts'
