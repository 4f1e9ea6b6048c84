"""Credential status: what issuers and verifiers do with it."""
