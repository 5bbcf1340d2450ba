"""What is missing of a film: how many pictures, and where, by packets that do not decode and by holes in the times."""

from collections import deque
from dataclasses import dataclass

NEAR_SECONDS = 1.0  # damage is told that late by decoders with many threads
HOLE = 1.6  # intervals between two pictures
EVEN = 0.25  # of an interval: how far a step may be from it in a film of a constant rate
MOSTLY = 0.8
MOST_PLACES = 3


@dataclass(slots=True)
class Place:
    """Damage between two times in seconds: pictures that failed to decode, holes that stand for some, spoilt ones."""

    begins: float
    ends: float
    failed: int = 0
    skipped: int = 0
    spoilt: int = 0

    @property
    def missing(self) -> int:
        return max(self.failed, self.skipped)

    def joins(self, other: "Place") -> bool:
        return other.begins <= self.ends + NEAR_SECONDS and other.ends >= self.begins - NEAR_SECONDS

    def add(self, other: "Place") -> None:
        self.begins, self.ends = min(self.begins, other.begins), max(self.ends, other.ends)
        self.failed += other.failed
        self.skipped += other.skipped
        self.spoilt += other.spoilt

    def told(self) -> str:
        if self.ends - self.begins < 0.1:
            return f"at {self.begins:.1f} s"
        return f"between {self.begins:.1f} and {self.ends:.1f} s"


class Damage:
    """Collects what is wrong with a film of one picture each `interval` seconds, as its pictures are given in order.

    A hole in the times alone is no damage, films may pause; it is where something was wrong nearby, in a film whose
    pictures come evenly.
    """

    def __init__(self, interval: float) -> None:
        self.places: list[Place] = []
        self._interval = interval
        self._last: float | None = None
        self._steps = self._even = 0
        self._holes: deque[Place] = deque()
        self._seen: deque[float] = deque()

    def fail(self, seconds: float | None) -> None:
        """A packet of this time did not decode."""
        at = self._here(seconds)
        self._put(Place(at, at, failed=1))
        self.suspect(at)

    def suspect(self, seconds: float | None) -> None:
        """Something is wrong about here."""
        at = self._here(seconds)
        self._seen.append(at)
        near = [hole for hole in self._holes if hole.joins(Place(at, at))]
        for hole in near:
            self._holes.remove(hole)
            self._put(hole)

    def give(self, seconds: float, *, spoilt: bool = False, anew: bool = False) -> None:
        """A picture was given; `anew`, where another part of the file begins, it need not follow the one before."""
        if spoilt:
            self._put(Place(seconds, seconds, spoilt=1))
            self.suspect(seconds)
        if self._last is not None and not anew:
            self._step(self._last, seconds)
        self._last = seconds

    def reaches(self, seconds: float) -> bool:
        """Whether there is damage about here."""
        return bool(self.places) and self.places[-1].joins(Place(seconds, seconds))

    def forgive_end(self) -> None:
        """What is wrong with the very last picture is no more than where the file was cut."""
        if self.places and self._last is not None and self.places[-1].begins >= self._last:
            del self.places[-1]

    def _step(self, last: float, seconds: float) -> None:
        step = (seconds - last) / self._interval
        self._steps += 1
        self._even += abs(step - 1) < EVEN
        if step < HOLE or self._even < MOSTLY * self._steps:
            return
        hole = Place(last, seconds, skipped=round(step) - 1)
        self._forget(last)
        if any(hole.joins(Place(at, at)) for at in self._seen):
            self._put(hole)
        else:
            self._holes.append(hole)

    def _here(self, seconds: float | None) -> float:
        return seconds if seconds is not None else self._last or 0.0

    def _put(self, place: Place) -> None:
        if self.places and self.places[-1].joins(place):
            self.places[-1].add(place)
        else:
            self.places.append(place)

    def _forget(self, before: float) -> None:
        while self._holes and self._holes[0].ends < before - 2 * NEAR_SECONDS:
            self._holes.popleft()
        while self._seen and self._seen[0] < before - 2 * NEAR_SECONDS:
            self._seen.popleft()

    def told(self) -> str:
        """In a line for people: what is missing, and what is there but spoilt; empty where nothing is."""
        missing, spoilt = (sum(getattr(place, what) for place in self.places) for what in ("missing", "spoilt"))
        places = [place for place in self.places if place.missing or place.spoilt]
        if not places:
            return ""
        counts = [f"{_are(count)} {what}" for count, what in ((missing, "missing"), (spoilt, "spoilt")) if count]
        number, told = (missing or spoilt), " and ".join(counts)
        noun = "picture" if number == 1 else "pictures"
        return f"{told.replace(str(number), f'{number} {noun}', 1)} {_where(places)}"


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"


def _where(places: list[Place]) -> str:
    if len(places) > MOST_PLACES:
        return f"in {len(places)} places, the first {places[0].told()}"
    return " and ".join(place.told() for place in places)
