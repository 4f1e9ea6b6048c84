// Changes an identity with npm's ethr-did.
// stdin: {url, registry, chainId, name, identifier, key, relayer?, legacyNonce?, steps: [[method, ...arguments]]}
//   key, relayer: private keys; the relayer sends what the method names "…Signed" say, the key signs.
// stdout: [{hash} or {result} or {error}], one for each step
import { EthrDID } from 'ethr-did'
import { EthrDidController } from 'ethr-did-resolver'
import { JsonRpcProvider, SigningKey, Wallet } from 'ethers'
import { answer } from './stdio.mjs'

// Which of a method's arguments its "create…Hash" takes.
const HASHED = {
  changeOwner: (owner) => [owner],
  addDelegate: (delegate, { delegateType, expiresIn }) => [delegateType, delegate, expiresIn],
  revokeDelegate: (delegate, type) => [type, delegate],
  setAttribute: (name, value, expiresIn) => [name, value, expiresIn],
  revokeAttribute: (name, value) => [name, value],
}

await answer(async ({ url, registry, name, identifier, key, relayer, legacyNonce, steps }) => {
  const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 })
  const open = (privateKey) =>
    new EthrDID({ identifier, privateKey, provider, rpcUrl: url, chainNameOrId: name, registry })
  const owner = open(key)
  const sender = relayer ? open(relayer) : owner
  const controller = new EthrDidController(
    identifier, undefined, new Wallet(key, provider), name, provider, undefined, registry, legacyNonce ?? true,
  )

  async function take([method, ...args]) {
    if (!method.endsWith('Signed')) return { result: await owner[method](...args) }
    const change = method.slice(0, -'Signed'.length)
    const create = `create${change[0].toUpperCase()}${change.slice(1)}Hash`
    const digest = await controller[create](...HASHED[change](...args))
    const { v, r, s } = new SigningKey(key).sign(digest)
    const signature = { sigV: v, sigR: r, sigS: s }
    const at = change === 'addDelegate' ? 1 : args.length
    return { hash: await sender[method](...args.slice(0, at), signature, ...args.slice(at)) }
  }

  const out = []
  for (const step of steps) out.push(await take(step).catch((error) => ({ error: error.reason ?? error.message })))
  return out
})
