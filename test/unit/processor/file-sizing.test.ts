import { expect } from 'chai'
import { FileSizing } from '../../../src/processor/file-sizing.ts'

describe('file sizing', () => {
  it('says how many bytes of entries make a file, from the commits before', () => {
    const sizing = new FileSizing()
    expect(sizing.payloadBytesFor(1e6)).to.equal(undefined)
    sizing.observe({ payloadBytes: 1e6, fileBytes: 250_000, encodedRatio: 0.3 })
    expect(sizing.payloadBytesFor(1e6)).to.equal(4e6)
    expect(sizing.encodedRatio).to.equal(0.3)
    sizing.observe({ payloadBytes: 1e6, fileBytes: 750_000, encodedRatio: undefined })
    expect(sizing.payloadBytesFor(1e6)).to.equal(2e6)
    expect(sizing.encodedRatio).to.equal(0.3)
  })

  it('learns nothing from a handful of rows, or from none', () => {
    const sizing = new FileSizing()
    sizing.observe({ payloadBytes: 100, fileBytes: 2_000, encodedRatio: undefined })
    sizing.observe({ payloadBytes: 1e6, fileBytes: 0, encodedRatio: undefined })
    expect(sizing.payloadBytesFor(1e6)).to.equal(undefined)
  })
})
