// Credentials with npm's did-jwt-vc, did-jwt, @sd-jwt, jose, @veramo/credential-eip712 and ethers, as they come.
// stdin: {do: task, ...} per line; stdout: {result} or {error} per line.
//   network: {url, registry, chainId, name}; documents: {did: DID resolution result}, to be used instead of it
//   identifier, key: address or public key of an identity, and its private key, in hex
//   jwk, secret: a public and a private JWK; now: Unix seconds
import { ES256, digest, generateSalt } from '@sd-jwt/crypto-nodejs'
import { StatusList, createHeaderAndPayload } from '@sd-jwt/jwt-status-list'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import { createVerifiableCredentialJwt, createVerifiablePresentationJwt, verifyCredential, verifyPresentation } from 'did-jwt-vc'
import { ES256KSigner, hexToBytes, verifyJWT } from 'did-jwt'
import { Resolver } from 'did-resolver'
import { Wallet, verifyTypedData } from 'ethers'
import { EthrDID } from 'ethr-did'
import { getResolver } from 'ethr-did-resolver'
import { SignJWT, importJWK, jwtVerify } from 'jose'
import { converse } from './stdio.mjs'

function resolverOf({ network, documents }) {
  if (documents) return { resolve: async (did) => documents[did.split('?')[0]] }
  const { name, chainId, url, registry } = network
  return new Resolver(getResolver({ networks: [{ name, chainId, rpcUrl: url, registry }] }))
}

// -- did-jwt-vc and did-jwt ---------------------------------------------------------------------

function party({ network, identifier, key, alg }) {
  const did = new EthrDID({ identifier, privateKey: key, chainNameOrId: network.name })
  return alg === 'ES256K' ? { did: did.did, alg, signer: ES256KSigner(hexToBytes(key)) } : did
}

const didJwt = {
  issueCredential: ({ credential, ...who }) => createVerifiableCredentialJwt(credential, party(who)),

  presentCredentials: ({ presentation, challenge, domain, ...who }) =>
    createVerifiablePresentationJwt(presentation, party(who), { challenge, domain }),

  async verifyToken({ token, proofPurpose, audience, now, ...where }) {
    const found = await verifyJWT(token, { resolver: resolverOf(where), proofPurpose, audience, policies: { now } })
    return { issuer: found.issuer, signer: found.signer, payload: found.payload }
  },

  async verifyCredential({ token, format, now, ...where }) {
    const options = { proofPurpose: 'assertionMethod', policies: { now, format } }
    return (await verifyCredential(token, resolverOf(where), options)).verifiableCredential
  },

  async verifyPresentation({ token, challenge, domain, format, now, ...where }) {
    const options = { challenge, domain, proofPurpose: 'authentication', policies: { now, format } }
    return (await verifyPresentation(token, resolverOf(where), options)).verifiablePresentation
  },
}

// -- @sd-jwt -------------------------------------------------------------------------------------

async function sdJwt({ jwk, secret, holderSecret, statusList }) {
  return new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    signer: secret && (await ES256.getSigner(secret)),
    signAlg: ES256.alg,
    verifier: jwk && (await ES256.getVerifier(jwk)),
    kbSigner: holderSecret && (await ES256.getSigner(holderSecret)),
    kbSignAlg: ES256.alg,
    // The holder's key is the one that the issuer has put into the credential.
    kbVerifier: async (data, signature, payload) => (await ES256.getVerifier(payload.cnf.jwk))(data, signature),
    statusListFetcher: async () => statusList,
  })
}

const selective = {
  issueDisclosable: async ({ claims, frame, header, ...keys }) => (await sdJwt(keys)).issue(claims, frame, { header }),

  // values: [[index, value]]
  async issueStatusList({ bits, entries, values, claims, kid, secret }) {
    const list = new StatusList(new Array(entries).fill(0), bits)
    for (const [index, value] of values) list.setStatus(index, value)
    const { header, payload } = createHeaderAndPayload(list, claims, { alg: ES256.alg, kid })
    return jose.signJose({ header, claims: payload, secret })
  },

  // frame: which claims are shown; kb: {iat, aud, nonce}
  discloseSome: async ({ token, frame, kb, ...keys }) =>
    (await sdJwt(keys)).present(token, frame, kb && { kb: { payload: kb } }),

  verifyDisclosed: async ({ token, nonce, now, ...keys }) =>
    (await sdJwt(keys)).verify(token, { currentDate: now, keyBindingNonce: nonce }),
}

// -- jose ----------------------------------------------------------------------------------------

const jose = {
  async signJose({ header, claims, secret }) {
    return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(secret, header.alg))
  },

  async verifyJose({ token, jwk, alg, now, ...expected }) {
    const options = { algorithms: [alg], currentDate: new Date(now * 1000), ...expected }
    const { payload, protectedHeader } = await jwtVerify(token, await importJWK(jwk, alg), options)
    return { payload, header: protectedHeader }
  },
}

// -- typed data ----------------------------------------------------------------------------------

// What Veramo's agent gives its plugin: DIDs, and a key that signs as its key manager does.
async function veramo({ key, identifier, ...where }) {
  const { CredentialProviderEIP712 } = await import('@veramo/credential-eip712')
  const wallet = key && new Wallet(key)
  const known = wallet && {
    kid: 'key',
    type: 'Secp256k1',
    publicKeyHex: wallet.signingKey.publicKey.slice(2),
    meta: { algorithms: ['eth_signTypedData'] },
  }
  const agent = {
    resolveDid: async ({ didUrl }) => resolverOf(where).resolve(didUrl),
    didManagerGet: async ({ did }) => ({ did, keys: [known] }),
    keyManagerSign: async ({ data }) => {
      const { domain, types, message } = JSON.parse(data)
      delete types.EIP712Domain // ethers makes it
      return wallet.signTypedData(domain, types, message)
    },
  }
  return [new CredentialProviderEIP712(), { agent }]
}

const typed = {
  async issueTyped({ credential, ...who }) {
    const [provider, context] = await veramo(who)
    return provider.createVerifiableCredential({ credential }, context)
  },

  async verifyTyped({ credential, ...where }) {
    const [provider, context] = await veramo(where)
    return (await provider.verifyCredential({ credential }, context)).verified
  },

  // The account whose signature it is, by ethers.
  async recoverTyped({ credential }) {
    const { proof, ...document } = credential
    const { proofValue, eip712, ...options } = proof
    const { EIP712Domain, ...types } = eip712.types
    return verifyTypedData(eip712.domain, types, { ...document, proof: options }, proofValue)
  },
}

await converse({ ...didJwt, ...selective, ...jose, ...typed })
