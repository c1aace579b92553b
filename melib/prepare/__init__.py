"""From index to samples: aligned crops, apex, optical flow, cached."""
