"""What painting costs at a height: a part that every frame costs, and a part that grows with the pixels.

The shape is learnt from the heights that were tried, the scale is that of the present height: so a load that came
since the others were tried counts at all of them.
"""

from dataclasses import dataclass
from typing import TypeAlias

Costs: TypeAlias = tuple[tuple[int, float], ...]  # the seconds a frame takes, by height
NEW_SHARE = 0.4  # of a new measurement in the running mean
LEAST_RATIO = 1.5  # of pixels: heights closer together tell noise, not a slope
MOST_FIXED_SHARE = 0.5  # of the present cost: noise must not make pixels look free


@dataclass(frozen=True, slots=True)
class CostModel:
    """`cost_seconds` at `height`, of which `fixed_share` stays at every height."""

    height: int
    cost_seconds: float
    fixed_share: float

    def seconds(self, height: int) -> float:
        """What a frame would cost at another height."""
        pixels = (height / self.height) ** 2
        return self.cost_seconds * (self.fixed_share + (1 - self.fixed_share) * pixels)


def with_cost(costs: Costs, height: int, seconds: float) -> Costs:
    """The costs with a new measurement at a height in its running mean."""
    known = dict(costs)
    before = known.get(height, seconds)
    known[height] = before + NEW_SHARE * (seconds - before)
    return tuple(sorted(known.items()))


def cost_model(costs: Costs, height: int) -> CostModel:
    """The model at a height that was measured. While only one height is known, all of the cost grows with the pixels:
    that promises the least where the height is raised."""
    known = dict(costs)
    pixels = float(height**2)
    others = [(float(other**2), cost) for other, cost in costs if _far(other, height)]
    if not others:
        return CostModel(height, known[height], 0.0)
    slope = sum((cost - known[height]) * (at - pixels) for at, cost in others)
    slope /= sum((at - pixels) ** 2 for at, _ in others)
    share = 1 - slope * pixels / known[height]
    return CostModel(height, known[height], min(MOST_FIXED_SHARE, max(0.0, share)))


def _far(one: int, other: int) -> bool:
    return max(one, other) ** 2 >= LEAST_RATIO * min(one, other) ** 2
