"""The routes of the API, one module an area, each with its table beside its handlers."""
