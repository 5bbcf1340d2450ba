"""`--preset auto`: which preset an encoder is to have, from what a frame costs. Pure functions of measurements.

All stages of a run are at work side by side. A frame takes as long as the slowest of three: the stages before the
encoder, the encoder on its own threads, or the processor with the work of all. A net on the processor fills it, and
then what the encoder takes more is what the frame takes more; a net on a GPU leaves it idle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from realtime.media.encoders import Rung

LEAST_SHARE = 0.95  # of the frames a second that the default preset would give


@dataclass(frozen=True, slots=True)
class Load:
    """What one frame costs: `core_seconds` are of one core at work, all are above 0.

    `seconds` is how far apart frames come painted while nothing is encoded, and `encoder_seconds` how far apart the
    encoder alone takes them with its default preset.
    """

    seconds: float
    core_seconds: float
    encoder_seconds: float
    encoder_core_seconds: float
    cores: float
    net_on_processor: bool

    def with_encoder(self, cost: float = 1.0) -> float:
        """The seconds from frame to frame with a preset that costs so many times what the default does."""
        processor = (self.core_seconds + cost * self.encoder_core_seconds) / self._cores_to_be_had
        return max(self.seconds, processor, cost * self.encoder_seconds)

    @property
    def _cores_to_be_had(self) -> float:
        """A net on the processor takes all that it can: more cores than were seen at work there are not."""
        return min(self.cores, self.core_seconds / self.seconds) if self.net_on_processor else self.cores


def choose_rung(ladder: Sequence[Rung], load: Load) -> Rung | None:
    """The dearest that leaves 95 % of the default preset's frames a second; None where that is the default."""
    most = load.with_encoder() / LEAST_SHARE
    fit = (rung for rung in ladder if load.with_encoder(rung.cost) <= most)
    return max(fit, key=lambda rung: rung.cost, default=None)
