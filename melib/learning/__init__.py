"""From samples to one run: networks, algorithms, estimators, protocols, the loop, metrics, selection, run folders."""
