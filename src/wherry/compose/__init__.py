"""Applications of several containers, as the Compose specification describes them: load, plan, apply."""
