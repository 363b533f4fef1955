"""Answers of the iris net, drawn."""

import numpy as np


def lids(gap, width=28.0):
    """An eye of the net: corner, lower lid, corner, upper lid, then brows."""
    points = np.zeros((71, 3), dtype=np.float32)
    points[:, 2] = 7
    along = np.linspace(0, width, 9)
    points[:9, 0], points[9:16, 0] = along, along[1:8]
    points[1:8, 1], points[9:16, 1] = gap / 2, -gap / 2
    return points.ravel(), np.zeros(15, dtype=np.float32)
