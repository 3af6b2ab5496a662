import type { Log } from '../base/log.ts'
import { readWarmToken } from '../serve/warm-token.ts'
import { FollowedFiles } from '../storage/files/followed-files.ts'

/** Follows a secret of one file, and tells when it was read anew, or cannot be used. */
export async function followSecret<T>(
  path: string,
  about: { readonly what: string; readonly read: () => Promise<T>; readonly log: Log },
  onChange: (value: T) => void = () => {},
): Promise<FollowedFiles<T>> {
  const { what, read, log } = about
  return FollowedFiles.open({
    paths: [path],
    read,
    onChange(value) {
      log.info(`${what} was read anew from ${path}`)
      onChange(value)
    },
    onFailure: (error) =>
      log.warn(`${what} is kept as it was: ${error instanceof Error ? error.message : String(error)}`),
  })
}

/** The secret by which other machines order fetches, as its file holds it now. */
export async function followWarmToken(
  path: string | undefined,
  stack: AsyncDisposableStack,
  log: Log,
): Promise<() => string | undefined> {
  if (path === undefined) return () => undefined
  const read = () => readWarmToken(path, log)
  const token = stack.use(await followSecret(path, { what: 'the warm token', read, log }))
  return () => token.value
}
