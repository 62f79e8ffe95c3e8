/**
 * Everything that CI runs, one step after another, and one closing line: `N passed, N failed`.
 * A step without tests of its own counts as one.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'

interface Step {
  readonly name: string
  readonly script: string
  readonly arguments?: readonly string[]
}

interface Count {
  readonly passed: number
  readonly failed: number
}

const STEPS: readonly Step[] = [
  { name: 'format', script: 'format:check' },
  { name: 'lint', script: 'lint' },
  { name: 'test', script: 'test' },
  { name: 'interop', script: 'test:interop' },
  { name: 'corpus', script: 'test:corpus', arguments: ['--schemas', '20', '--seed', '1'] },
  { name: 'crash', script: 'test:crash', arguments: ['--cycles', '10'] },
]

const root = path.resolve(import.meta.dirname, '..')

/** Shows the step's output as it comes and returns it with the exit code. */
function run(step: Step): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const separator = step.arguments === undefined ? [] : ['--', ...step.arguments]
    const child = spawn('npm', ['run', '-s', step.script, ...separator], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const [stream, sink] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        sink.write(text)
      })
    }
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** The numbers that mocha and pytest close with; a failure that they do not count is one more. */
export function countTests(output: string, code: number): Count {
  const sum = (pattern: RegExp) =>
    [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
  const passed = sum(/^\s*(\d+) passing\b/gm) + sum(/(\d+) passed\b/g)
  const failed = sum(/^\s*(\d+) failing\b/gm) + sum(/(\d+) (?:failed|errors?)\b/g)
  if (passed + failed === 0) return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed }
}

let passed = 0
let failed = 0
for (const step of STEPS) {
  const begin = performance.now()
  console.log(`\n── ${step.name}`)
  const { code, output } = await run(step)
  const count = countTests(output, code)
  passed += count.passed
  failed += count.failed
  const seconds = ((performance.now() - begin) / 1000).toFixed(0)
  console.log(`── ${step.name}: ${code === 0 ? 'ok' : `failed (${code})`}, ${seconds} s`)
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
