#!/usr/bin/env node
// Becomes the binary of the package that npm chose for this platform.
'use strict'

const { spawn } = require('node:child_process')

const program = findProgram()
const args = process.argv.slice(2)
if (program === undefined) {
  process.stderr.write(
    `dfhf: error: no package of dfhf for ${names().join(' or ')} is installed; install dfhf without --omit=optional\n`,
  )
  process.exitCode = 1
} else if (process.execve) {
  // Newer versions of Node call this experimental, which users need not read at every start.
  process.removeAllListeners('warning')
  process.execve(program, [program, ...args], process.env)
} else {
  runBeside(program)
}

function names() {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `${system}-${process.arch}`
  return system === 'linux' && isMusl() ? [`${name}-musl`] : [name]
}

function isMusl() {
  process.report.excludeNetwork = true
  return process.report.getReport().header.glibcVersionRuntime === undefined
}

function findProgram() {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  for (const name of names()) {
    try {
      return require.resolve(`dfhf-${name}/bin/dfhf${suffix}`)
    } catch {}
  }
  return undefined
}

/** Where this process cannot become the binary, it waits for it, and passes on what it is told. */
function runBeside(path) {
  const child = spawn(path, args, { stdio: 'inherit' })
  // A terminal sends an interrupt to both.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`dfhf: error: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const each of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.removeAllListeners(each)
    process.kill(process.pid, signal)
  })
}
