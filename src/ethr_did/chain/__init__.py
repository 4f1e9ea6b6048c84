"""The one door to an EVM chain: requests, nodes, networks, signers, transactions."""
