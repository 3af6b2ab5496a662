import type { Log } from '../../base/log.ts'
import type { KeptSums } from '../partial/kept-sums.ts'

/** How a store keeps its bounds. */
export interface BlobStoreOptions {
  /** How many bytes the store may take, partial blobs included. */
  readonly quota: number
  /** How many bytes the store leaves free on its disk. @default 0 */
  readonly freeSpaceFloor?: number | undefined
  /** Which share of its disk, from 0 to 1, it leaves free where that is more. @default 0 */
  readonly freeShareFloor?: number | undefined
  /** See PartialBlobOptions. @default true */
  readonly durable?: boolean | undefined
  /** See PartialBlobOptions. */
  readonly sums?: KeptSums | undefined
  readonly log?: Log | undefined
  /** Unix time in milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined
}
