/**
 * Judges tables from the command line, for the campaigns that run outside this process.
 *
 *     node dist/test/support/check-table.js METADATA_LOCATION|CATALOG_DB…
 *
 * Prints every fault; exits 1 when there is one.
 */
import { metadataLocations, tableFaults } from './metadata-checker.ts'

let faults = 0
let tables = 0
for (const argument of process.argv.slice(2)) {
  const locations = argument.endsWith('.db') ? metadataLocations(argument) : [argument]
  for (const location of locations) {
    const found = await tableFaults(location)
    tables += 1
    faults += found.length
    for (const fault of found) console.log(`${location}: ${fault}`)
  }
}
console.error(`${tables} tables, ${faults} faults`)
process.exit(faults === 0 && tables > 0 ? 0 : 1)
