// Questions in JSON on stdin, answers in JSON on stdout.
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

const toJson = (value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one))

// One question, one answer.
export async function answer(work) {
  const out = await work(JSON.parse(await text(process.stdin)))
  process.stdout.write(toJson(out), () => process.exit(0)) // ethers keeps polling otherwise
}

// A question {do, ...} per line, and to each an answer {result} or {error} in a line.
export async function converse(tasks) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: task, ...question } = JSON.parse(line)
    const work = async () => ({ result: (await tasks[task](question)) ?? null })
    const out = await work().catch((error) => ({ error: String(error.message ?? error) }))
    process.stdout.write(toJson(out) + '\n')
  }
  process.exit(0)
}
