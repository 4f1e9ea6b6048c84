// Credentials issued and verified with npm's did-jwt-vc (VC-JWT) and @sd-jwt/core (SD-JWT with key binding), timed; documents of DIDs are at hand.
// stdin: {seconds, did, document, algorithm: "ES256K"|"ES256K-R", secp256k1: hex, claims, hidden, shown, nonce, audience}
// stdout: {vc: {issue, verify}, sd: {issue, verify}}: each [operations, milliseconds]
import { digest, generateSalt, ES256 } from '@sd-jwt/crypto-nodejs'
import { SDJwtInstance } from '@sd-jwt/core'
import { ES256KSigner, hexToBytes } from 'did-jwt'
import { createVerifiableCredentialJwt, verifyCredential } from 'did-jwt-vc'
import { answer } from './stdio.mjs'

async function timed(seconds, work) {
  for (let run = 0; run < 30; run++) await work() // compiled by now
  const start = performance.now()
  let count = 0
  while (performance.now() - start < seconds * 1000) {
    for (let run = 0; run < 10; run++) await work()
    count += 10
  }
  return [count, performance.now() - start]
}

async function jwt({ seconds, did, document, algorithm, secp256k1 }) {
  const issuer = { did, alg: algorithm, signer: ES256KSigner(hexToBytes(secp256k1), algorithm === 'ES256K-R') }
  const payload = {
    sub: did,
    nbf: Math.floor(Date.now() / 1000) - 10,
    vc: {
      '@context': ['https://www.w3.org/2018/credentials/v1'],
      type: ['VerifiableCredential', 'DiplomaCredential'],
      credentialSubject: { degree: { type: 'BachelorDegree', name: 'Law' } },
    },
  }
  const resolver = {
    resolve: async () => ({ didResolutionMetadata: {}, didDocument: document, didDocumentMetadata: {} }),
  }
  const token = await createVerifiableCredentialJwt(payload, issuer)
  await verifyCredential(token, resolver)
  return {
    issue: await timed(seconds, () => createVerifiableCredentialJwt(payload, issuer)),
    verify: await timed(seconds, () => verifyCredential(token, resolver)),
  }
}

async function sdJwt({ seconds, claims, hidden, shown, nonce, audience }) {
  const [issuer, holder] = [await ES256.generateKeyPair(), await ES256.generateKeyPair()]
  const instance = new SDJwtInstance({
    signer: await ES256.getSigner(issuer.privateKey),
    signAlg: 'ES256',
    verifier: await ES256.getVerifier(issuer.publicKey),
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    kbSigner: await ES256.getSigner(holder.privateKey),
    kbSignAlg: 'ES256',
    kbVerifier: await ES256.getVerifier(holder.publicKey),
  })
  const bound = { ...claims, cnf: { jwk: holder.publicKey } }
  const issue = () => instance.issue(bound, hidden, { header: { typ: 'dc+sd-jwt' } })
  const presented = await instance.present(await issue(), shown, {
    kb: { payload: { iat: Math.floor(Date.now() / 1000), aud: audience, nonce } },
  })
  const verify = () => instance.verify(presented, { keyBindingNonce: nonce })
  await verify()
  return { issue: await timed(seconds, issue), verify: await timed(seconds, verify) }
}

await answer(async (question) => ({ vc: await jwt(question), sd: await sdJwt(question) }))
