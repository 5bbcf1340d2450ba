"""How near pictures in 0..1 are to others, in dB."""

from torch import Tensor

LEAST_SQUARE = 1e-10  # so that the same picture is 100 dB from itself


def psnr_db(mean_square: Tensor) -> float:
    """The peak signal-to-noise ratio of the mean squared difference of all pixels."""
    return float(-10 * mean_square.clamp_min(LEAST_SQUARE).log10())
