/** One file of a repo. */
export interface PlannedFile {
  readonly path: string
  readonly size: number
  readonly isLfs: boolean
}

/** Who may have the files of a repo. */
export type Visibility = 'public' | 'private' | 'gated'
