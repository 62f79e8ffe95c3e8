/** Imported before all else, so that an old Node gets a sentence instead of a missing function. */
const NODE_MAJOR_MIN = 24

const major = Number(process.versions.node.split('.')[0])
if (major < NODE_MAJOR_MIN) {
  throw new Error(
    `frazil/client needs Node ${NODE_MAJOR_MIN} or newer and this is ${process.version}: upgrade, ` +
      `or 'npm install node@${NODE_MAJOR_MIN}' and run it as 'npx node FILE'`,
  )
}
