"""`python changing_style.py CLIP PAINTED` — a loop of one's own: from one painter to another, and back."""

import math
import sys
from fractions import Fraction

import av

from realtime import open_style

SECONDS = 10  # there and back

if len(sys.argv) != 3:
    sys.exit(__doc__)
with av.open(sys.argv[1]) as source, av.open(sys.argv[2], "w") as film:
    video = source.streams.video[0]
    width, height = video.width // 2 * 2, video.height // 2 * 2  # the encoder takes even sizes only
    stream = film.add_stream("libx264", rate=video.average_rate, width=width, height=height, pix_fmt="yuv420p")
    stream.codec_context.time_base = Fraction(1, 90_000)  # fine enough for every frame's own time
    with open_style("starry_night", height=height, width=width) as paint:
        for frame in source.decode(video):
            share = 0.5 - 0.5 * math.cos(2 * math.pi * (frame.time or 0.0) / SECONDS)
            pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
            painted = paint(pixels, style={"starry_night": 1 - share, "udnie": share})
            picture = av.VideoFrame.from_ndarray(painted, "rgb24")
            picture.pts, picture.time_base = frame.pts, frame.time_base
            film.mux(stream.encode(picture))
    film.mux(stream.encode(None))
