"""The HTTP service: DID resolution, status and verification for programs, a page for people."""
