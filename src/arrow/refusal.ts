/** Why a schema cannot be stored: what a caller needs to change it. */
export interface Refusal {
  readonly path: string
  readonly expected: string
  readonly received: string
  readonly remedy: string
}

/** Carries a refusal out of the recursion; never leaves this folder. */
export class RefusedError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.remedy)
    this.refusal = refusal
  }
}
