// Uses a chain as a web page with ethers would: deploys, writes, reads, listens, is refused.
// stdin: {url, abi, bytecode}; stdout: what each of these gave
import { Contract, ContractFactory, JsonRpcProvider, Wallet, encodeBytes32String, parseEther, toUtf8Bytes } from 'ethers'
import { answer } from './stdio.mjs'

const NAME = encodeBytes32String('did/svc/HubService')
const FAR = 10 ** 9

await answer(async ({ url, abi, bytecode }) => {
  const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 })
  const unlocked = await provider.getSigner(0)
  const deployed = await new ContractFactory(abi, bytecode, unlocked).deploy()
  await deployed.waitForDeployment()
  const registry = await deployed.getAddress()

  const wallet = Wallet.createRandom().connect(provider)
  await (await unlocked.sendTransaction({ to: wallet.address, value: parseEther('1') })).wait()
  const contract = new Contract(registry, abi, wallet)
  const heard = new Promise((resolve) => contract.once('DIDAttributeChanged', (identity) => resolve(identity)))
  // Fees, gas and nonce are ethers' own affair: an EIP-1559 transaction.
  const sent = await contract.setAttribute(wallet.address, NAME, toUtf8Bytes('https://hub.example'), FAR)
  const receipt = await sent.wait()
  const delegate = await unlocked.getAddress()
  await (await contract.addDelegate(wallet.address, encodeBytes32String('veriKey'), delegate, FAR)).wait()

  const found = await contract.queryFilter(contract.filters.DIDAttributeChanged(wallet.address))
  const refusal = await deployed.changeOwner.staticCall(wallet.address, delegate).catch((error) => error)
  const block = await provider.getBlock(receipt.blockNumber, true)
  return {
    registry,
    identity: wallet.address,
    delegate,
    chainId: (await provider.getNetwork()).chainId,
    type: sent.type,
    status: receipt.status,
    events: found.map((event) => ({ block: event.blockNumber, value: event.args.value })),
    heard: await heard,
    refusal: { code: refusal.code, reason: refusal.reason },
    transactions: block.prefetchedTransactions.map((transaction) => transaction.hash),
    hash: receipt.hash,
    block: receipt.blockNumber,
    owner: await contract.identityOwner(wallet.address),
    balance: await provider.getBalance(wallet.address),
    nonce: await provider.getTransactionCount(wallet.address),
    code: await provider.getCode(registry),
    missing: await provider.getBlock(10 ** 6),
  }
})
