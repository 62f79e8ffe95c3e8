/** What `worker-encoder.ts` and `encode-worker.ts` say to each other; a request is an EncodeJob. */
import type { ErrorKind } from '../errors.ts'
import type { EncodeOutcome } from './encoder.ts'

export type WorkerReply =
  | { readonly kind: 'done'; readonly outcome: EncodeOutcome; readonly memoryBytes: number }
  /** WebAssembly stopped in the middle: the thread must not be used again. */
  | { readonly kind: 'trapped'; readonly reason: string; readonly memoryBytes: number }
  | { readonly kind: 'failed'; readonly errorKind: ErrorKind; readonly message: string }
