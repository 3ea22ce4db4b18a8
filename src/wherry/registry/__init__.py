"""Images travel: the client of registries, and a registry of our own."""
