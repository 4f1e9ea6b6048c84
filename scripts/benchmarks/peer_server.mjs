// npm's ethr-did-resolver behind Express, as people put it: one route that resolves.
// argv: {registry, chainId, name, rpcUrl, modules} as JSON; stdout: the URL, once it listens
import { createRequire } from 'node:module'
import express from 'express'

const { registry, chainId, name, rpcUrl, modules } = JSON.parse(process.argv[2])
const require = createRequire(`${modules}/`)
const { Resolver } = require('did-resolver')
const { getResolver } = require('ethr-did-resolver')

// As its README shows, and as a user would configure it.
const resolver = new Resolver(getResolver({ networks: [{ name, chainId, rpcUrl, registry }] }))

const app = express()
app.get('/1.0/identifiers/:did', async (request, response) => {
  const result = await resolver.resolve(request.params.did)
  response.status(result.didResolutionMetadata.error ? 500 : 200).json(result)
})
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
