import { pieceCountOf } from '../../src/blob/pieces.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { sampleBlob, writePieces } from './sample-blob.ts'

/** Writes the missing pieces of a sample blob in a random order and names each committed one; then waits. */
const [folder = '', size = '', seed = ''] = process.argv.slice(2)
const blob = sampleBlob(Number(size))
const random = seededRandom(Number(seed))
const file = await openPartialBlob({
  folder,
  oid: blob.oid,
  size: blob.bytes.length,
  finalPath: `${folder}/${blob.oid}`,
  syncEverySize: 2 ** 21,
})
process.stdout.write('open\n')
const order = Array.from({ length: pieceCountOf(blob.bytes.length) }, (_, index) => ({ index, at: random() }))
order.sort((a, b) => a.at - b.at)
const missing = order.map(({ index }) => index).filter((index) => !file.pieces.has(index))
const lane = async (part: number) => {
  for (const [at, index] of missing.entries()) {
    if (at % 2 !== part) continue
    await writePieces(file, blob, [index])
    process.stdout.write(`${index}\n`)
  }
}
await Promise.all([lane(0), lane(1)])
process.stdout.write('all\n')
await file.publish()
process.stdout.write('published\n')
await file.close()
