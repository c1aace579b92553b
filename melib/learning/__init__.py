"""From samples to one run: backbones, BRL, the loop, metrics, selection rules, the run folder."""
