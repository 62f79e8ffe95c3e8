/** Waits for something that another part of this process is about to do. */

const TURNS_MAX = 1_000_000
const WAIT_MS_MAX = 8_000

/** Bounded, so that a failing test ends and says so. */
export async function until(isTrue: () => boolean): Promise<void> {
  const startedAt = performance.now()
  for (let turn = 0; turn < TURNS_MAX && performance.now() - startedAt < WAIT_MS_MAX; turn++) {
    if (isTrue()) return
    await new Promise(setImmediate)
  }
  throw new Error(`it never happened: ${isTrue.toString()}`)
}
