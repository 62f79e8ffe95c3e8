import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { toStoreError } from '../../../src/storage/file-error.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })

describe('errors of the file system', () => {
  it('map to the kind that tells the caller what to do', () => {
    const kinds = {
      ENOENT: 'not-found',
      EEXIST: 'already-exists',
      ENAMETOOLONG: 'invalid',
      ENOSPC: 'unavailable',
      EIO: 'unavailable',
      EROFS: 'unavailable',
      EMFILE: 'unavailable',
      EWHATEVER: 'unavailable',
    }
    for (const [code, kind] of Object.entries(kinds)) {
      const cause = failure(code)
      const mapped = toStoreError(cause, 'write', 'file:///o')
      expect(mapped.kind, code).to.equal(kind)
      expect(mapped.cause).to.equal(cause)
      expect(mapped.context).to.deep.equal({ location: 'file:///o', code })
    }
  })

  it('name the remedy of a full disk', () => {
    const { message } = toStoreError(failure('ENOSPC'), 'write', 'file:///o')
    expect(message).to.equal('could not write file:///o: the disk is full: free space')
  })

  it('leave our own errors as they are', () => {
    const ours = new ServiceError('corrupt', 'ours')
    expect(toStoreError(ours, 'read', 'file:///o')).to.equal(ours)
    expect(toStoreError('a string', 'read', 'file:///o').kind).to.equal('unavailable')
  })
})
