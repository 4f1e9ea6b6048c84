// Status lists with npm's @digitalbazaar/vc-bitstring-status-list (W3C) and @sd-jwt/jwt-status-list (IETF).
// stdin: [{format, bits, entries, values: [[index, value]]} to encode or {format, bits, text} to decode];
// stdout: [text, or {entries, values: [[index, value]] of all that are not 0}]
import { createList, decodeList } from '@digitalbazaar/vc-bitstring-status-list'
import { StatusList } from '@sd-jwt/jwt-status-list'
import { answer } from './stdio.mjs'

const encoders = {
  async w3c({ entries, values }) {
    const list = await createList({ length: entries })
    for (const [index, value] of values) list.setStatus(index, value === 1)
    return list.encode()
  },
  async ietf({ bits, entries, values }) {
    const list = new StatusList(new Array(entries).fill(0), bits)
    for (const [index, value] of values) list.setStatus(index, value)
    return list.compressStatusList()
  },
}

const decoders = {
  async w3c({ text }) {
    const list = await decodeList({ encodedList: text })
    return { entries: list.length, at: (index) => Number(list.getStatus(index)) }
  },
  async ietf({ text, bits }) {
    const list = StatusList.decompressStatusList(text, bits)
    return { entries: list.statusList.length, at: (index) => list.getStatus(index) }
  },
}

async function read(task) {
  const { entries, at } = await decoders[task.format](task)
  const values = []
  for (let index = 0; index < entries; index++) if (at(index) !== 0) values.push([index, at(index)])
  return { entries, values }
}

await answer(async (tasks) => {
  const answers = []
  for (const task of tasks) answers.push(await ('text' in task ? read(task) : encoders[task.format](task)))
  return answers
})
