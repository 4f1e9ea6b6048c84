// Writes typed_changes.json: EIP-712 messages of applyChangesSigned, hashed and signed by ethers.
// Run it where ethers is installed: cd tests/interop && node ../vectors/make_typed_changes.mjs
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { TypedDataEncoder, Wallet, encodeBytes32String, version } = createRequire(process.cwd() + '/')('ethers')

const registry = '0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1'
const wallet = new Wallet('0xa285ab66393c5fdda46d6fbad9e27fafd438254ab72ad5acb681a0e9f20f5d7b')
const domain = { name: 'EthereumDIDRegistry', version: '1', chainId: 1, verifyingContract: registry }
const types = {
  ApplyChanges: [
    { name: 'identity', type: 'address' },
    { name: 'owner', type: 'address' },
    { name: 'changes', type: 'Change[]' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
  Change: [
    { name: 'kind', type: 'uint8' },
    { name: 'name', type: 'bytes32' },
    { name: 'value', type: 'bytes' },
    { name: 'validity', type: 'uint256' },
  ],
}
const zero = '0x' + '00'.repeat(32)
const other = '0x' + '77'.repeat(20)
const name = encodeBytes32String
const key = { kind: 3, name: name('did/pub/Secp256k1/veriKey/hex'), value: '0x' + '02'.repeat(33), validity: '86400' }
const batches = [
  ['one-attribute', 'the usual case', [key]],
  ['all-kinds', 'every kind in one batch, the owner change last', [
    key,
    { kind: 1, name: name('veriKey'), value: other, validity: '31536000' },
    { kind: 2, name: name('veriKey'), value: other, validity: '0' },
    { kind: 4, name: key.name, value: key.value, validity: '0' },
    { kind: 0, name: zero, value: wallet.address.toLowerCase(), validity: '0' },
  ]],
  ['empty-and-long-values', 'values of 0, 1 and 300 bytes are hashed, not padded', ['0x', '0x00', '0x' + 'ab'.repeat(300)].map(
    (value) => ({ kind: 3, name: name('did/svc/HubService'), value, validity: '1' }))],
  ['hand-over', 'the signer gives its identity away: its last message', [{ kind: 0, name: zero, value: other, validity: '0' }]],
]
const vectors = []
for (const [nonce, [id, reason, changes]] of batches.entries()) {
  const message = { identity: wallet.address, owner: wallet.address, changes, nonce: String(nonce), deadline: '4102444800' }
  vectors.push({
    id: `typed-${nonce}-${id}`,
    source: `ethers ${version}`,
    reason,
    message,
    digest: TypedDataEncoder.hash(domain, types, message),
    signature: await wallet.signTypedData(domain, types, message),
  })
}
const text = JSON.stringify({
  description: 'EIP-712 messages of applyChangesSigned, to be replayed in order at this registry on this chain.',
  domain,
  types,
  privateKey: wallet.privateKey,
  domainSeparator: TypedDataEncoder.hashDomain(domain),
  vectors,
}, null, 2)
writeFileSync(new URL('typed_changes.json', import.meta.url), text + '\n')
