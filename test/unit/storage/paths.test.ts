import { expect } from 'chai'
import * as fc from 'fast-check'
import { checkLocation, locationOfPath, pathOfLocation } from '../../../src/storage/location.ts'
import {
  dataFileLocation,
  isMetadataOf,
  manifestListLocation,
  manifestLocation,
  metadataLocation,
  nextMetadataVersion,
  parseDataFileLocation,
  tableLocation,
  versionHint,
  versionHintLocation,
} from '../../../src/storage/paths.ts'

const table = { tenant: 'acme', namespace: ['web', 'eu'], name: 'events' }
const location = 'file:///w/acme/web.eu/events'
const uuid = '0c9f6a52-3d6e-4b8c-9f53-0a1b2c3d4e5f'

describe('object names', () => {
  it('put a table below its tenant, whatever slashes end the warehouse', () => {
    expect(tableLocation('file:///w', table)).to.equal(location)
    expect(tableLocation('file:///w/', table)).to.equal(location)
    expect(tableLocation('file:///w', table, 'ab12cd34')).to.equal(`${location}-ab12cd34`)
  })

  it("never put one table's directory inside another's", () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,3}$/)
    const identifier = fc.record({
      tenant: fc.constantFrom('a', 'b'),
      namespace: fc.array(fc.oneof(part, fc.constantFrom('a', 'data')), {
        minLength: 1,
        maxLength: 3,
      }),
      name: fc.oneof(part, fc.constantFrom('a', 'data', 'metadata')),
    })
    fc.assert(
      fc.property(identifier, identifier, (one, other) => {
        const inside = `${tableLocation('file:///w', other)}/`
        const isSame = JSON.stringify(one) === JSON.stringify(other)
        return isSame || !`${tableLocation('file:///w', one)}/`.startsWith(inside)
      }),
    )
  })

  it('are the ones that other engines know', () => {
    expect(metadataLocation(location, 7, uuid)).to.equal(
      `${location}/metadata/00007-${uuid}.metadata.json`,
    )
    expect(manifestLocation(location, uuid, 2)).to.equal(`${location}/metadata/${uuid}-m2.avro`)
    expect(manifestListLocation(location, { snapshotId: 2n ** 53n, attempt: 3, uuid })).to.equal(
      `${location}/metadata/snap-9007199254740992-3-${uuid}.avro`,
    )
    expect(versionHintLocation(location)).to.equal(`${location}/metadata/version-hint.text`)
  })

  it('count metadata versions up, and from 0 after a name that tells none', () => {
    expect(nextMetadataVersion(metadataLocation(location, 0, uuid))).to.equal(1)
    expect(nextMetadataVersion(metadataLocation(location, 99_999, uuid))).to.equal(100_000)
    expect(nextMetadataVersion(`${location}/metadata/v3.metadata.json`)).to.equal(0)
  })

  it('hint at metadata only where DuckDB would complete it to the same file', () => {
    const file = metadataLocation(location, 12, uuid)
    expect(versionHint(location, file)).to.equal(`00012-${uuid}`)
    expect(versionHint(location, `${location}/metadata/v3.metadata.json`)).to.equal(undefined)
    expect(versionHint('file:///elsewhere', file)).to.equal(undefined)
  })

  it("know a table's own metadata files from any other", () => {
    expect(isMetadataOf(location, metadataLocation(location, 1, uuid))).to.equal(true)
    expect(isMetadataOf(location, `${location}/metadata/v1.metadata.json`)).to.equal(true)
    for (const other of [
      metadataLocation(`${location}2`, 1, uuid),
      `${location}/metadata/../../x.metadata.json`,
      `${location}/metadata/${uuid}-m0.avro`,
      `${location}/data/x.metadata.json`,
    ]) {
      expect(isMetadataOf(location, other), other).to.equal(false)
    }
  })

  it('give every data file its range of the log back, and sort as the log does', () => {
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    const name = fc.record({
      from: u64,
      to: u64,
      logId: fc.constant('01JD0000000000000000000000'),
      epoch: u64,
      attempt: fc.constant('01JD0000000000000000000001'),
      n: fc.nat(),
    })
    fc.assert(
      fc.property(name, name, (one, other) => {
        const [a, b] = [dataFileLocation(location, one), dataFileLocation(location, other)]
        expect(parseDataFileLocation(a)).to.deep.equal(one)
        expect(checkLocation(a)).to.equal(a)
        if (one.from < other.from) expect(a < b).to.equal(true)
      }),
    )
    expect(parseDataFileLocation(`${location}/data/part-0.parquet`)).to.equal(undefined)
  })
})

describe('locations', () => {
  it('are absolute paths with a scheme, and the way back is exact', () => {
    expect(locationOfPath('/var/lib/frazil/my data/')).to.equal('file:///var/lib/frazil/my data')
    expect(pathOfLocation('file:///var/lib/frazil/my data')).to.equal('/var/lib/frazil/my data')
    expect(checkLocation('s3://bucket/warehouse/t')).to.equal('s3://bucket/warehouse/t')
  })

  it('are refused with the reason', () => {
    expect(() => locationOfPath('relative')).to.throw('must be absolute')
    expect(() => locationOfPath('/')).to.throw('segment')
    expect(() => locationOfPath('/w/50%')).to.throw("'%'")
    expect(() => checkLocation('/w/t')).to.throw('must be a URI')
  })
})
