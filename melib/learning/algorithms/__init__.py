"""How a network is trained: one file an algorithm."""
