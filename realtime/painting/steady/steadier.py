"""Holds a painting still where its frames stand still, and carries it along where they move.

A net paints every frame for itself: it multiplies a camera's noise, and a person who moves changes the statistics by
which it paints the wall behind. So what is shown of a still place is an average over time, and of a moving one it is
blended with the painting before, carried there along the motion, where that can be trusted; what was hidden is new.
After the consistency of Bonneel et al. 2015 (Blind Video Temporal Consistency), blended by as much as a person sets
(Shekhar et al. 2019). Blending incoherent strokes takes contrast, which they are given back.
"""

from collections.abc import Sequence

from realtime.frames.frame import Plane
from realtime.painting.steady.held import Buffers, Held
from realtime.painting.steady.watch import Seen

Planes = Sequence[Plane]
# The new painting's share in a still and in a moving place at steadiness 1; at 0 both are 1.
STILL_SHARE, MOVING_SHARE = 0.008, 0.32


class Steadier:
    """Steadies the paintings of frames that come in order.

    The first, and the first of another size, is shown as it is, and so is one whose frame does not go on from the one
    before. It may be called from any thread, but by one at once.
    """

    def __init__(self) -> None:
        self._held: tuple[Held, Held] | None = None

    def let_go(self) -> None:
        """The next painting is shown as it is, though its frame goes on."""
        self._held = None

    def __call__(self, guide: Plane, painted: Planes, amount: float, seen: Seen) -> tuple[Plane, Planes]:
        """What is to be joined in place of a frame's guide and of its painting, the luma of which comes first.

        All are uint8 [h, w], the painting's chroma of any size. `amount` is 0..1, and `seen` what the frame shows.
        """
        if not seen.goes_on or self._held is None or not self._held[1].fits(painted):
            buffers = Buffers()  # new ones: those of another size would stay
            self._held = Held([guide], buffers), Held(painted, buffers)
            return guide, painted
        of_guide, of_painting = self._held
        moving = 1 - seen.still
        share = 1 - seen.still * (1 - STILL_SHARE**amount)
        of_guide.mix([guide], share)
        motion = seen.motion
        if motion is None:
            of_painting.mix(painted, share)
            return of_guide.pixels()[0], of_painting.pixels()
        of_painting.carry(motion.back * moving[..., None], motion.box)
        of_painting.mix(painted, share * (1 - moving * motion.trusted * (1 - MOVING_SHARE**amount)))
        return of_guide.pixels()[0], of_painting.as_rich(painted, moving, motion.box)
