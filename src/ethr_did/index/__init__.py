"""The event index: follows the registries of a chain, and answers as a node would, from a database."""
