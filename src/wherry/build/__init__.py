"""Dockerfiles: read, planned as a graph of steps, each step taken from the cache or carried out."""
