// A warm process of npm's ethr-did-resolver, to be timed.
// argv: {registry, chainId, networks: {name: url}} as JSON
// stdin: a DID per line; stdout: {ms, methods} per line, the time of the whole resolve() in milliseconds
import { createInterface } from 'node:readline'
import { Resolver } from 'did-resolver'
import { getResolver } from 'ethr-did-resolver'

const { registry, chainId, networks } = JSON.parse(process.argv[2])
const resolvers = new Map(
  // Each URL as a user would configure it: name, chain id, RPC URL, registry.
  Object.entries(networks).map(([name, rpcUrl]) => [
    name,
    new Resolver(getResolver({ networks: [{ name, chainId, rpcUrl, registry }] })),
  ]),
)

for await (const did of createInterface({ input: process.stdin })) {
  const resolver = resolvers.get(did.split(':')[2])
  const start = performance.now()
  const result = await resolver.resolve(did)
  const ms = performance.now() - start
  const error = result.didResolutionMetadata.message
  process.stdout.write(JSON.stringify({ ms, error, methods: result.didDocument?.verificationMethod.length }) + '\n')
}
process.exit(0)
