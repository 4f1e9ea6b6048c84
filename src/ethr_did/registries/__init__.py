"""One client per contract: they encode, send and decode, and never interpret."""
