"""The processes of a registry: workers that share a port, and one that looks after them."""
