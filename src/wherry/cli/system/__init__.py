"""Commands on the engine as a whole, and on objects of every kind."""
