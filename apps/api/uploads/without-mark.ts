import { ProblemError } from '../plugins/problems.ts'

const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf])

/** A byte order mark says nothing but that a text is UTF-8, or that it is not. */
export async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let first = Buffer.alloc(0)
  for await (const bytes of chunks) {
    if (first.length >= utf8Mark.length) yield bytes
    else {
      first = Buffer.concat([first, bytes])
      if (first.length >= utf8Mark.length) yield stripped(first)
    }
  }
  if (first.length < utf8Mark.length) yield first
}

const stripped = (bytes: Buffer) => {
  const [one, two] = bytes
  if ((one === 0xff && two === 0xfe) || (one === 0xfe && two === 0xff)) {
    throw new ProblemError('invalid-request', 'the file is UTF-16; send it as UTF-8')
  }
  return bytes.subarray(0, utf8Mark.length).equals(utf8Mark)
    ? bytes.subarray(utf8Mark.length)
    : bytes
}
