import { expect } from 'chai'
import { GROUP_ENTRIES_MAX, GroupSize } from '../../../src/processor/group-size.ts'

describe('group size', () => {
  it('halves down to one entry and sets that aside at its third death alone', () => {
    const size = new GroupSize()
    const sequences = [1n, 2n, 3n, 4n, 5n]
    expect(size.encoderDied(sequences)).to.deep.equal({ kind: 'try-smaller' })
    expect(size.entriesMax).to.equal(2)
    expect(size.encoderDied([1n, 2n])).to.deep.equal({ kind: 'try-smaller' })
    expect(size.entriesMax).to.equal(1)
    expect(size.encoderDied([1n])).to.deep.equal({ kind: 'try-again' })
    expect(size.encoderDied([1n])).to.deep.equal({ kind: 'try-again' })
    expect(size.encoderDied([1n])).to.deep.equal({ kind: 'set-aside', sequence: 1n })
  })

  it('counts the deaths of each entry for itself', () => {
    const size = new GroupSize()
    size.encoderDied([1n])
    size.encoderDied([1n])
    expect(size.encoderDied([2n])).to.deep.equal({ kind: 'try-again' })
  })

  it('grows again with success, up to its bound', () => {
    const size = new GroupSize()
    size.encoderDied([1n, 2n])
    for (let i = 0; i < 40; i += 1) size.succeeded()
    expect(size.entriesMax).to.equal(GROUP_ENTRIES_MAX)
  })
})
