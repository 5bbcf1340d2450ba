"""How long a run will still take: a bound at first, then by what each combination was found to need."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from realtime.bench.options import BenchOptions
from realtime.bench.peers.peers import PEERS
from realtime.bench.rows.live import LIVE_SECONDS

PREPARE_SECONDS = 8.0  # to build an engine of the gallery's net for 640x360 and check it, on two cores
STABILITY_SECONDS = 6.0
ROOFLINE_SECONDS = 10.0
PEERS_OPEN_SECONDS = 60.0  # most of it torch.compile's
FRAMES_OF_A_START = 24
NET_ROWS, SHORT_ROWS = 4, 2  # of a turn: those that take all frames through the net, and those that take a start's
OTHER_SECONDS = 3.0  # of a turn: the stages without the net, and the start of a process
QUICK_ROWS, QUICK_OTHER_SECONDS = 2, 1.0
PEER_ROWS = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is: steps `done` of `total`, about how many seconds are left, and what it is at now."""

    done: int
    total: int
    seconds_left: float
    doing: str


Progress = Callable[[Standing], None]


class Schedule:
    """The steps of a run: every combination is prepared once and has its turns; both are numbered from 0.

    `options` are those that hold, quick or not; `contests` is how many styles at a size the peers are to paint.
    """

    def __init__(self, options: BenchOptions, combinations: int, contests: int) -> None:
        self._options = options
        self._contests = contests
        self._preparing: list[float | None] = [None] * combinations
        self._turn: list[float | None] = [None] * combinations
        self._turns_left = [options.repeats] * combinations
        self._measured = False
        self.total = combinations * (1 + options.repeats)
        self.done = 0

    def standing(self, doing: str) -> Standing:
        return Standing(self.done, self.total, self.seconds_left, doing)

    def prepared(self, number: int, seconds: float, frame_seconds: float | None) -> None:
        """It took so long, and the net takes `frame_seconds` for a frame; None where the combination is left out."""
        self.done += 1
        self._preparing[number] = seconds
        if frame_seconds is None:
            self._turns_left[number] = 0
        else:
            self._turn[number] = turn_seconds(self._options, frame_seconds)

    def took_turn(self, number: int, seconds: float, *, again: bool) -> None:
        """A turn is over, after so long; `again` is False where there will be no other, for it failed."""
        self.done += 1
        self._measured = True
        self._turn[number] = seconds
        self._turns_left[number] = self._turns_left[number] - 1 if again else 0

    @property
    def seconds_left(self) -> float:
        """Of all that is to be done; what was not tried yet takes as long as the others, or as long as it may."""
        waiting = sum(known is None for known in self._preparing)
        seconds = waiting * _mean(self._preparing, prepare_seconds(self._options))
        typical = _mean(self._turn, turn_seconds(self._options))
        seconds += sum(
            left * (typical if known is None else known)
            for left, known in zip(self._turns_left, self._turn, strict=True)
        )
        return seconds + self._beside(waiting)

    def _beside(self, waiting: int) -> float:
        """What is not a combination's own: the peers until they have had a turn, the ceilings, and the live run."""
        options = self._options
        opening = PEERS_OPEN_SECONDS * self._contests if options.peers and waiting else 0.0
        beside = options.peers and not self._measured  # from then on a turn counts with its peers
        rows = PEER_ROWS * len(PEERS) * options.row_seconds * self._contests * options.repeats if beside else 0.0
        ceilings = ROOFLINE_SECONDS if options.roofline else 0.0
        return opening + rows + ceilings + (LIVE_SECONDS if options.live else 0.0)


def prepare_seconds(options: BenchOptions) -> float:
    """What it may take to prepare a combination: two engines where several frames are painted at once, else one."""
    engines = 1 if options.requests == 1 else 2
    return engines * PREPARE_SECONDS + (STABILITY_SECONDS if options.stability else 0.0)


def turn_seconds(options: BenchOptions, frame_seconds: float | None = None) -> float:
    """A turn of a net that takes so long for a frame; the most that it may take where that is not known."""
    whole, short = (_row(options, frames, frame_seconds) for frames in (options.frames, FRAMES_OF_A_START))
    if options.quick:
        return QUICK_ROWS * whole + QUICK_OTHER_SECONDS
    return NET_ROWS * whole + SHORT_ROWS * short + OTHER_SECONDS


def _row(options: BenchOptions, frames: int, frame_seconds: float | None) -> float:
    return options.row_seconds if frame_seconds is None else min(options.row_seconds, frames * frame_seconds)


def _mean(known: list[float | None], otherwise: float) -> float:
    found = [value for value in known if value is not None]
    return fmean(found) if found else otherwise
