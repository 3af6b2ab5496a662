// `bun test/support/hub/ask.ts METHOD URL [BODY]`: for tests whose own network does not reach the test Hub.
const [method = 'GET', url = '', body] = process.argv.slice(2)
const answer = await fetch(url, { method, ...(body !== undefined && { body }) })
process.stdout.write(await answer.text())

// Without an import or an export this would be a script, where nothing can be awaited.
export {}
