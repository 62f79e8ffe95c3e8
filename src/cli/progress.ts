/** The progress of a put, on stderr and only for people: nothing when it is not a terminal. */
import { SingleBar } from 'cli-progress'
import type { OutputStream } from './io.ts'

export interface ProgressBar {
  /** Bytes of the input files that were read. */
  readonly read: (bytes: number) => void
  readonly acknowledged: (rows: number, bytes: number, elapsedMs: number) => void
  readonly stop: () => void
}

const SILENT: ProgressBar = { read: () => {}, acknowledged: () => {}, stop: () => {} }

export function startProgress(options: {
  readonly stream: OutputStream
  readonly isQuiet: boolean | undefined
  readonly bytesTotal: number
}): ProgressBar {
  if (!options.stream.isTTY || options.isQuiet) return SILENT
  const bar = new SingleBar({
    stream: options.stream,
    format: '{bar} {percentage}%  {rate}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
  })
  bar.start(options.bytesTotal, 0, { rate: '' })
  return {
    read: (bytes) => bar.update(bytes),
    acknowledged: (rows, bytes, elapsedMs) =>
      bar.update({
        rate: `${formatRate(rows, elapsedMs)}, ${perSecond(bytes / 1e6, elapsedMs)} MB/s`,
      }),
    stop: () => bar.stop(),
  }
}

/** `1,234,567 rows in 1.2 s (1,028,805 rows/s)`; below a second a rate would measure the start. */
export function formatRate(rows: number, elapsedMs: number): string {
  const seconds = (elapsedMs / 1e3).toFixed(1)
  const taken = `${rows.toLocaleString('en')} rows in ${seconds} s`
  return elapsedMs < 1_000 ? taken : `${taken} (${perSecond(rows, elapsedMs)} rows/s)`
}

function perSecond(amount: number, elapsedMs: number): string {
  return Math.round((amount / Math.max(1, elapsedMs)) * 1e3).toLocaleString('en')
}
