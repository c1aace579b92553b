"""What AUs change on a face beside its motion: furrows, lids, cheeks and the open mouth, drawn as shades.

A shade is a sum of Gaussian bumps that darken (or, below 0, brighten) the skin, the more the stronger the AU.
"""

from __future__ import annotations

import numpy as np

DEPTH = 1.75  # of all shades
DARKEST = 0.6  # logarithm that the darkening of a strong AU levels off at
# Per AU: centre x, y (off the midline, one bump on either side), widths, darkening at intensity 1 as a logarithm, and
# how far the bump slants outwards, as a share of the way down.
SHADES = {
    1: ((0.0, -0.3, 0.14, 0.02, 0.14, 0), (0.0, -0.37, 0.14, 0.018, 0.1, 0)),
    2: ((0.3, -0.27, 0.1, 0.02, 0.14, 0), (0.3, -0.33, 0.1, 0.018, 0.1, 0)),
    4: ((0.035, -0.14, 0.014, 0.045, 0.3, 0.15), (0.12, -0.08, 0.07, 0.025, 0.14, 0)),
    5: ((0.222, -0.03, 0.08, 0.018, -0.3, 0),),
    6: ((0.29, 0.09, 0.1, 0.018, 0.16, 0), (0.29, 0.19, 0.09, 0.05, -0.09, 0)),
    7: ((0.222, 0.038, 0.09, 0.02, 0.24, 0),),
    9: ((0.055, 0.05, 0.018, 0.05, 0.26, 0.3), (0.11, 0.28, 0.02, 0.05, 0.2, 0.6)),
    10: ((0.15, 0.37, 0.018, 0.07, 0.24, 0.6),),
    12: ((0.2, 0.42, 0.018, 0.08, 0.26, 0.45), (0.28, 0.31, 0.09, 0.06, -0.1, 0)),
    14: ((0.225, 0.52, 0.018, 0.028, 0.35, 0.3),),
    15: ((0.195, 0.59, 0.022, 0.04, 0.3, 0.6),),
    17: ((0.0, 0.665, 0.1, 0.022, 0.26, 0),),
    20: ((0.24, 0.55, 0.016, 0.06, 0.2, 0.3),),
    23: ((0.0, 0.515, 0.12, 0.025, 0.18, 0),),
    25: ((0.0, 0.525, 0.09, 0.018, 0.7, 0),),
    26: ((0.0, 0.54, 0.09, 0.025, 0.7, 0),),
}


def shade_field(au: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Darkening of one AU at intensity 1 (a logarithm) at the face points x, y of any shape."""
    field = np.zeros(x.shape, x.dtype)
    for centre_x, centre_y, width, height, amount, slant in SHADES.get(au, ()):
        down = y - centre_y
        across = (np.abs(x) if centre_x else x) - centre_x - slant * down
        field += amount * np.exp(-((across / width) ** 2 + (down / height) ** 2) / 2)
    return field


def brightness(darkening: np.ndarray | float) -> np.ndarray:
    """The factor on the picture's brightness for a sum of shades times intensities."""
    return np.exp(-DARKEST * np.tanh(DEPTH / DARKEST * np.asarray(darkening, np.float32)))
