"""The figures of the join, which the processor's, the GPU's and the trainers' have in common; no torch."""

import numpy as np

WINDOW_PX = 3  # of the small copy: wider ones smear strokes across edges
EDGE_VARIANCE = 25.0  # of codes 0..255, the filter's epsilon: below, a place counts as flat
FLAT_VARIANCE = 300.0  # where the picture varies so much, half of the brushwork that it does not explain is kept
DETAIL = 0.5  # of the slope 1 with which all of the picture's own detail shows, where it has much
FOLLOWS = 0.05  # the slope from which on the painting's light is taken to follow the picture's
MOST_SLOPE = 0.99  # of a: it takes halos their overshoot, and lets products fit into 16 bits
# What a painting's colours are softened by where it has them at full size, as films have half as many of them: nets
# lay rims of other colours, as thin as one of their pixels, along the rows and columns of their grid.
SOFT_COLOURS = np.array([1, 4, 6, 4, 1], np.float32) / 16
# 1 - sin⁴(ω/2): takes out the comb of two pixels that a pixel shuffle leaves, and of a stroke of four only a quarter.
COMB_STOP = np.array([-1, 4, 10, 4, -1], np.float32) / 16
