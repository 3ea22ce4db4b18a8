"""Who asks: accounts with passwords, and tokens."""
