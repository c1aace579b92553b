"""A grid of runs: its plan, the launcher, and the tables made from what lies on disk."""
