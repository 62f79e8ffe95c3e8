import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { COLLECTOR_FLAG } from '../../../src/runtime/collector.ts'

describe('the collector', () => {
  it('is told something that this version of Node knows', () => {
    const { status, stderr } = spawnSync(process.execPath, [COLLECTOR_FLAG, '--eval', ''])
    expect(stderr.toString()).to.equal('')
    expect(status).to.equal(0)
  })
})
