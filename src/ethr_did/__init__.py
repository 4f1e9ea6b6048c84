"""did:ethr."""
