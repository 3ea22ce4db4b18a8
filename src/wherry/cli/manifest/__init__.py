"""Commands on manifests and manifest lists in registries."""
