import { DfhfError } from '../../base/errors.ts'
import { formatSize } from '../../base/size.ts'

/** The error for a blob that finds no room in the store, with what is short. */
export function noRoom(
  size: number,
  store: { readonly root: string; readonly quota: number; readonly usedSize: number },
  excess: { readonly overQuota: number; readonly underFloor: number },
): DfhfError {
  const why =
    excess.overQuota > 0
      ? `its quota is ${formatSize(store.quota)}, ${formatSize(store.usedSize)} are in use`
      : `${formatSize(excess.underFloor)} more must be free on its disk`
  return new DfhfError('disk-full', `no room for ${formatSize(size)} in the store ${store.root}: ${why}`, {
    hint: 'raise --store-quota or lower --min-free, or free some space on that disk',
    retryable: true,
  })
}
