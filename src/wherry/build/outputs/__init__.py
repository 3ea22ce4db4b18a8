"""What becomes of a build besides an image in the store: archives, directories, registries."""
