"""BuildKit's protocol, so that `docker build` and `docker buildx build` of today's Docker build here."""
