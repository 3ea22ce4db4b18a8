"""Stacks as `docker stack` has them, on this one machine: projects of `wherry compose` under other words."""
