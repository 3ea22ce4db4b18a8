"""Commands on the engine process of this user."""
