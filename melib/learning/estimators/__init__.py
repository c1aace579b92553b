"""Methods without epochs: one file per estimator."""
