import { Repo, type RepoFile, type RepoSpec, type RepoType } from './repo.ts'

/** All repos of one test Hub, and where renamed ones went. */
export class RepoStore {
  readonly #repos = new Map<string, Repo>()
  readonly #renames = new Map<string, string>()

  add(spec: RepoSpec): Repo {
    const repo = new Repo(spec)
    this.#repos.set(key(repo.type, repo.id), repo)
    for (const former of spec.formerIds ?? []) this.#renames.set(key(repo.type, former), repo.id)
    return repo
  }

  get(type: RepoType, id: string): Repo | undefined {
    return this.#repos.get(key(type, id))
  }

  /** The new id of a renamed repo. */
  renamed(type: RepoType, id: string): string | undefined {
    return this.#renames.get(key(type, id))
  }

  /** An LFS file of any repo by its oid. */
  lfsFile(oid: string): RepoFile | undefined {
    for (const repo of this.#repos.values()) {
      const file = repo.blob(oid)
      if (file?.lfs) return file
    }
    return undefined
  }
}

function key(type: RepoType, id: string): string {
  return `${type}/${id.toLowerCase()}`
}
