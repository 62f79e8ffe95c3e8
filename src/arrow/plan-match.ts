/**
 * Which field of a struct each incoming field goes to: the one of its name, or the one that had its
 * name before it was renamed.
 *
 * A name that the table has dropped is refused: whoever dropped it did not want it back, and a new
 * column of that name would hide that the old one's values are gone.
 */
import type { FieldHistory } from '../iceberg/field-history.ts'
import type { NestedField } from '../iceberg/types.ts'
import { foldCase } from './column-names.ts'
import type { DraftField } from './draft.ts'
import type { PlanState } from './plan-state.ts'

export interface Matching {
  readonly drafts: readonly DraftField[]
  readonly fields: readonly NestedField[]
  /** Id of the struct that both belong to; 0 at the top. */
  readonly parent: number
  readonly history: FieldHistory
}

export interface Matched {
  /** By the id of the table's field. */
  readonly matched: ReadonlyMap<number, DraftField>
  /** What the table does not know. */
  readonly added: readonly DraftField[]
}

/** Notes the refusal of every field that cannot be told to be one or the other. */
export function matchFields(state: PlanState, matching: Matching): Matched {
  const byName = new Map(matching.fields.map((field) => [field.name, field]))
  const matched = new Map<number, DraftField>()
  const others: DraftField[] = []
  for (const draft of matching.drafts) {
    const field = byName.get(draft.name)
    if (field !== undefined && !matched.has(field.id)) matched.set(field.id, draft)
    else others.push(draft)
  }
  if (others.length === 0) return { matched, added: others }
  const folded = new Map(matching.fields.map(({ name }) => [foldCase(name), name]))
  const added = others.filter((draft) => isNew(state, { ...matching, matched, folded }, draft))
  return { matched, added }
}

interface Unmatched extends Matching {
  readonly matched: Map<number, DraftField>
  /** Names of the table's fields by how case-blind engines see them. */
  readonly folded: ReadonlyMap<string, string>
}

function isNew(
  state: PlanState,
  { fields, parent, history, matched, folded }: Unmatched,
  draft: DraftField,
): boolean {
  // Has its own reason already, such as a repeated name.
  if (draft.type.kind === 'refused') return true
  const { path, received } = draft
  const former = history.find(parent, draft.name)
  if (former?.kind === 'dropped') {
    if (draft.type.kind === 'null') {
      state.note(draft, { action: 'skip', reason: 'the table has dropped the column' })
    } else {
      const expected = 'no such column, the table has dropped it'
      const remedy = 'leave it out, or add it to the table again with an Iceberg client'
      state.refuse({ path, expected, received, remedy })
    }
    return false
  }
  const field = former && fields.find(({ id }) => id === former.id)
  if (field !== undefined) {
    const rival = matched.get(field.id)
    if (rival === undefined) {
      matched.set(field.id, draft)
    } else {
      const expected = `one column for ${field.name}, which was ${draft.name} once`
      state.refuse({ path, expected, received: `${rival.name} and ${draft.name}`, remedy: RIVALS })
    }
    return false
  }
  const twin = folded.get(foldCase(draft.name))
  if (twin === undefined) return true
  const remedy = `rename the column to ${twin}`
  state.refuse({ path, expected: `the table's ${twin}`, received: draft.name, remedy })
  return false
}

const RIVALS = 'send one of them, or add the other to the table with an Iceberg client'
