"""`python paint_a_frame.py PHOTO PAINTED` — a NumPy frame to a painted frame."""

import sys

import cv2
import numpy as np

from realtime import open_style

if len(sys.argv) != 3:
    sys.exit(__doc__)
frame = np.asarray(cv2.imread(sys.argv[1], cv2.IMREAD_COLOR_RGB), np.uint8)
height, width, _ = frame.shape
with open_style("starry_night", height=height, width=width) as paint:
    painted = paint(frame)
cv2.imwrite(sys.argv[2], cv2.cvtColor(painted, cv2.COLOR_RGB2BGR))
