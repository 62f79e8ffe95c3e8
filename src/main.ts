#!/usr/bin/env node
/**
 * The process. Nothing is imported before the runtime is known to be new enough, so that an old
 * one gets a sentence instead of a stack.
 */
const NODE_MAJOR_MIN = 24

const major = Number(process.versions.node.split('.')[0])
if (major < NODE_MAJOR_MIN) {
  console.error(
    `frazil needs Node ${NODE_MAJOR_MIN} or newer and this is ${process.version}: upgrade, ` +
      `or run it as 'npx frazil' where 'npm install node@${NODE_MAJOR_MIN}' was done`,
  )
  process.exit(1)
}

await import('./cli/index.ts')
