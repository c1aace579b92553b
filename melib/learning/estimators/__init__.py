"""Methods without epochs: one file an estimator."""
