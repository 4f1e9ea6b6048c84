// Decoding of status lists with npm's @digitalbazaar/vc-bitstring-status-list (W3C) and @sd-jwt/jwt-status-list (IETF), timed.
// stdin: {runs, lists: [{format, bits, text, index}]}
// stdout: for each list {value, set, one: [ms], all: [ms]}: to the entry at index, and to every entry; set counts those that are not 0
import { decodeList } from '@digitalbazaar/vc-bitstring-status-list'
import { StatusList } from '@sd-jwt/jwt-status-list'
import { answer } from './stdio.mjs'

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

function count({ entries, at }) {
  let set = 0
  for (let index = 0; index < entries; index++) if (at(index) !== 0) set++
  return set
}

async function timed(runs, work) {
  const times = []
  let result
  for (let run = -3; run < runs; run++) {
    const start = performance.now()
    result = await work()
    if (run >= 0) times.push(performance.now() - start) // the first ones are compiled
  }
  return [result, times]
}

await answer(async ({ runs, lists }) => {
  const answers = []
  for (const list of lists) {
    const decode = () => decoders[list.format](list)
    const [value, one] = await timed(runs, async () => (await decode()).at(list.index))
    const [set, all] = await timed(runs, async () => count(await decode()))
    answers.push({ value, set, one, all })
  }
  return answers
})
