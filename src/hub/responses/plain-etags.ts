/**
 * Whether an endpoint's ETags of plain files are git ids, as the Hub's are. They are believed until bytes show that they
 * are not; from then on the listing is asked for each plain file.
 */
export class PlainEtags {
  #areGitIds = true

  get areGitIds(): boolean {
    return this.#areGitIds
  }

  /** Bytes came that do not hash to their ETag, and the listing names another oid. */
  disprove(): void {
    this.#areGitIds = false
  }
}
