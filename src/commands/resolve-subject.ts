import { DfhfError } from '../base/errors.ts'
import { parseRepo } from '../hub/parse-repo.ts'
import { checkRevision, type Repo, type RepoType } from '../repo/repo.ts'
import { type Selection, selectFiles, selectFolder } from './select-files.ts'

/** What a user said of the repo apart from its name. */
export interface SubjectOptions {
  readonly endpoint: string
  readonly type: RepoType | undefined
  readonly revision: string | undefined
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

/** What is to be fetched. */
export interface Subject {
  readonly repo: Repo
  /** `main` unless the user named another. */
  readonly revision: string
  readonly selection: Selection
}

/** Reads `<repo> [files...]`: a revision or a path may stand in the repo's spelling, but not in two places. */
export function resolveSubject([text = '', ...files]: readonly string[], options: SubjectOptions): Subject {
  const { type, id, revision, path } = parseRepo(text, { type: options.type, endpoint: options.endpoint })
  if (revision !== undefined && options.revision !== undefined && revision !== options.revision) {
    throw new DfhfError('usage', `'${text}' names a revision, and so does --revision`, {
      hint: 'leave one of them out',
    })
  }
  if (path !== undefined && files.length > 0) {
    throw new DfhfError('usage', `'${text}' names a file itself`, {
      hint: 'leave the other names out, or write the repo as org/name',
    })
  }
  return {
    repo: { type, id },
    revision: checkRevision(options.revision ?? revision ?? 'main'),
    selection: path?.endsWith('/')
      ? selectFolder(path, options)
      : selectFiles(path === undefined ? files : [path], options),
  }
}
