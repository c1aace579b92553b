"""How a network is trained: one file per algorithm."""
