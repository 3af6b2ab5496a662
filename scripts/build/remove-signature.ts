import { readFile, writeFile } from 'node:fs/promises'

const MAGIC_64 = 0xfeedfacf
const HEADER_SIZE = 32
const SEGMENT = 0x19
const CODE_SIGNATURE = 0x1d

/**
 * Takes the code signature out of a Mach-O file, as `codesign --remove-signature` does. Bun 1.4 signs what it builds
 * for Apple silicon, but leaves Bun's own signature, which no longer fits, in what it builds for Intel; an Intel Mac
 * runs what is unsigned, and may kill what is signed wrongly. <https://github.com/oven-sh/bun/issues/32159>
 */
export async function removeSignature(path: string): Promise<void> {
  await writeFile(path, withoutSignature(await readFile(path)))
}

/** The file without its signature, which must be the last load command and the end of the file. */
function withoutSignature(file: Buffer): Buffer {
  const count = file.readUInt32LE(16)
  const commandsSize = file.readUInt32LE(20)
  if (file.readUInt32LE(0) !== MAGIC_64) throw new Error('not a 64-bit Mach-O file')
  let linkEdit: number | undefined
  let at = HEADER_SIZE
  for (let index = 0; index < count; index += 1) {
    const command = file.readUInt32LE(at)
    const size = file.readUInt32LE(at + 4)
    if (command === SEGMENT && file.toString('latin1', at + 8, at + 18) === '__LINKEDIT') linkEdit = at
    if (command === CODE_SIGNATURE) {
      const offset = file.readUInt32LE(at + 8)
      const isLast = index === count - 1 && offset + file.readUInt32LE(at + 12) === file.length
      if (!isLast || linkEdit === undefined) throw new Error('the signature is not at the end of the file')
      file.writeUInt32LE(count - 1, 16)
      file.writeUInt32LE(commandsSize - size, 20)
      file.fill(0, at, at + size)
      file.writeBigUInt64LE(BigInt(offset) - file.readBigUInt64LE(linkEdit + 40), linkEdit + 48)
      return file.subarray(0, offset)
    }
    at += size
  }
  return file
}
