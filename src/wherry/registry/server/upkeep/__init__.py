"""What keeps a registry in order while it works: garbage collection, retention, checking."""
