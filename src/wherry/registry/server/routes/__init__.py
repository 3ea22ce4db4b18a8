"""Handlers of the specification's endpoints, by what they are about, and the table that leads to them."""
