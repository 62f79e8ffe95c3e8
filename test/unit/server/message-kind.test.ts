import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { ServiceError } from '../../../src/errors.ts'
import { messageKind } from '../../../src/server/flight/message-kind.ts'
import { ipcHeader } from '../../support/flight-client.ts'

describe('message kind', () => {
  it('is told of what apache-arrow writes', () => {
    // Strings that repeat become a dictionary there.
    const stream = tableToIPC(tableFromArrays({ a: ['x', 'x'], b: [1, 2] }), 'stream')
    expect(ipcHeaders(stream).map(messageKind)).to.deep.equal(['schema', 'dictionary', 'batch'])
  })

  it('is told of the marker that ends an IPC stream, in both its forms', () => {
    expect(messageKind(Buffer.from('ffffffff00000000', 'hex'))).to.equal('end')
    expect(messageKind(Buffer.alloc(4))).to.equal('end')
  })

  it('refuses other messages and every other byte sequence, and never reads outside', () => {
    expect(() => messageKind(ipcHeader('tensor'))).to.throw(ServiceError, /another kind/)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        try {
          expect(['schema', 'dictionary', 'batch', 'end']).to.include(messageKind(bytes))
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(ServiceError).with.property('kind', 'invalid')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

/** The headers of an IPC stream: 0xFFFFFFFF, length, flatbuffer, body. */
function ipcHeaders(stream: Uint8Array): Uint8Array[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const headers: Uint8Array[] = []
  for (let at = 0; at + 8 <= stream.length; ) {
    const length = view.getInt32(at + 4, true)
    if (length === 0) break
    const start = at + 8
    const table = start + view.getUint32(start, true)
    const vtable = table - view.getInt32(table, true)
    const bodyField = view.getUint16(vtable, true) > 10 ? view.getUint16(vtable + 10, true) : 0
    const bodyLength = bodyField === 0 ? 0n : view.getBigInt64(table + bodyField, true)
    headers.push(stream.subarray(start, start + length))
    at = start + length + Number(bodyLength)
  }
  return headers
}
