"""A registry: the OCI distribution specification 1.1 over files or object storage."""
