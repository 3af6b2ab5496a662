/** A stream that takes text; process.stdout and process.stderr are such. */
export interface TextOutput {
  write(text: string, done?: (error?: NodeJS.ErrnoException | null) => void): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  on?(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
}
