// One question in JSON on stdin, one answer in JSON on stdout.
import { text } from 'node:stream/consumers'

export async function answer(work) {
  const out = await work(JSON.parse(await text(process.stdin)))
  process.stdout.write(JSON.stringify(out, (_, value) => (typeof value === 'bigint' ? value.toString() : value)), () =>
    process.exit(0), // ethers keeps polling otherwise
  )
}
