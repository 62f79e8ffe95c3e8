import { expect } from 'chai'
import { formatLogLine } from '../../../src/runtime/log-line.ts'

describe('a log line for people', () => {
  const line = (record: object) =>
    formatLogLine(JSON.stringify({ level: 30, time: '2026-01-02T03:04:05.678Z', ...record }))

  it('has the time, the level, the part, the words and what else there is', () => {
    expect(line({ part: 'flight', msg: 'ready', port: 8815, log: 'L', pid: 7 })).to.equal(
      '03:04:05 INFO  flight: ready port=8815 log=L\n',
    )
  })

  it('gives a failure its message, not its stack', () => {
    const err = { message: 'disk full', stack: 'Error: disk full\n  at x' }
    expect(line({ level: 50, msg: 'put failed', err })).to.equal(
      '03:04:05 ERROR put failed (disk full)\n',
    )
  })

  it('stays one line and does not drive the terminal', () => {
    expect(line({ msg: 'a\n\u001b[31mb' })).to.equal('03:04:05 INFO  a  [31mb\n')
  })

  it('passes on what is not JSON', () => {
    expect(formatLogLine('oops\n')).to.equal('oops\n')
  })
})
