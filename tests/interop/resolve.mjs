// Resolves DIDs with npm's ethr-did-resolver, as it comes.
// stdin: {url, registry, chainId, name, dids: [DID URL], accept?}; stdout: [DID resolution result]
import { Resolver } from 'did-resolver'
import { getResolver } from 'ethr-did-resolver'
import { answer } from './stdio.mjs'

await answer(async ({ url, registry, chainId, name, dids, accept }) => {
  const resolver = new Resolver(getResolver({ networks: [{ name, chainId, rpcUrl: url, registry }] }))
  const results = []
  const width = 50
  for (let i = 0; i < dids.length; i += width) {
    results.push(...(await Promise.all(dids.slice(i, i + width).map((did) => resolver.resolve(did, { accept })))))
  }
  return results
})
