import { expect } from 'chai'
import { ServiceError } from '../../src/errors.ts'
import { parseJson, stringifyJson } from '../../src/json.ts'

describe('lossless JSON', () => {
  it('keeps every digit of an int64', () => {
    const text = '{"max":9223372036854775807,"min":-9223372036854775808}'
    expect(parseJson(text)).to.deep.equal({ max: 2n ** 63n - 1n, min: -(2n ** 63n) })
    expect(stringifyJson(parseJson(text))).to.equal(text)
  })

  it('leaves safe integers, fractions and exponents as numbers', () => {
    expect(parseJson('[9007199254740991,1.5,1e3,-0.25]')).to.deep.equal([
      9007199254740991, 1.5, 1000, -0.25,
    ])
  })

  it('does not touch strings that look like numbers', () => {
    expect(parseJson('["9223372036854775807"]')).to.deep.equal(['9223372036854775807'])
  })

  it('leaves out members that are undefined', () => {
    expect(stringifyJson({ a: undefined, b: 1n })).to.equal('{"b":1}')
  })

  it('refuses text that is not JSON, and integers of absurd length', () => {
    for (const text of ['', '{', '{"a":01}', `[${'9'.repeat(1000)}]`]) {
      expect(() => parseJson(text))
        .to.throw(ServiceError)
        .with.property('kind', 'invalid')
    }
  })
})
