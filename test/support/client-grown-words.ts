/** A table for tests of dictionaries. */
import { Dictionary, Int32, makeBuilder, Table, Utf8, Vector } from 'apache-arrow'

/** Two batches, the second with a longer dictionary. */
export function grownWords(): Table {
  const builder = makeBuilder({ type: new Dictionary(new Utf8(), new Int32()) })
  const first = builder.append('a').append('b').flush()
  const second = builder.append('a').append('c').flush()
  return new Table({ w: new Vector([first, second]) })
}
