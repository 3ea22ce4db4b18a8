"""Pulling from and pushing to OCI and Docker registries (distribution-spec 1.1)."""
