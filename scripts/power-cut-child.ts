/**
 * The victim of a power cut: appends without end and prints a line for each acknowledgement.
 * Usage: power-cut-child.js DIRECTORY LIMITS-JSON
 */
import { writeSync } from 'node:fs'
import { openWal, type WalLimits } from '#wal'

const KEYS = 4
const PAYLOAD_BYTES_MAX = 24_000
const TRIM_DISTANCE = 200n

const [directory, limits] = process.argv.slice(2)
if (!directory || !limits) throw new Error('usage: power-cut-child.js DIRECTORY LIMITS-JSON')

const wal = await openWal({
  directory,
  limits: JSON.parse(limits) as WalLimits,
  now: Date.now,
  newId: () => 'POWER-CUT',
  onPoison: (error) => {
    console.error(error)
    process.exit(3)
  },
})

await Promise.all(Array.from({ length: KEYS }, (_, i) => appendForEver(`key-${i}`)))

async function appendForEver(key: string): Promise<void> {
  for (let number = 0; ; number++) {
    const bytes = 16 + ((number * 7_919) % PAYLOAD_BYTES_MAX)
    const payload = Buffer.alloc(bytes, number & 255)
    payload.write(`${key}/${number}`)
    const { sequence } = await wal.append({ key, payload: [payload], definitions: [] })
    // Synchronously, so that what is printed was acknowledged and what is acknowledged is printed.
    writeSync(1, `ack ${key} ${sequence} ${number} ${bytes}\n`)
    if (number % 50 === 49 && sequence > TRIM_DISTANCE) {
      // Announced first: a trim that the cut interrupts may or may not have happened.
      writeSync(1, `trim ${key} ${sequence - TRIM_DISTANCE}\n`)
      await wal.trim(key, sequence - TRIM_DISTANCE)
    }
  }
}
