"""What is missing of a film: how many pictures, and where, by packets that do not decode and by holes in the times."""

import math
from collections import deque
from dataclasses import dataclass

NEAR_SECONDS = 1.0  # damage is told that late by decoders with many threads
HOLE = 1.6  # intervals between two pictures
EVEN = 0.25  # of an interval: how far a step may be from it in a film of a constant rate
MOSTLY = 0.8
MOST_SECONDS = 10  # a longer hole is a pause
MOST_PLACES = 3
CUT_PICTURES = 4
MOST_INSIDE = 48  # packets in a decoder: 16 to be reordered, and two for each thread


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

    def told(self, zero_at: float) -> str:
        if self.ends - self.begins < 0.1:
            return f"at {zero_at + self.begins:.1f} s"
        return f"between {zero_at + self.begins:.1f} and {zero_at + self.ends:.1f} s"


class Damage:
    """Collects what is wrong with a film of one picture each `interval` seconds, as its pictures are given in order.

    A hole in the times alone is no damage, films may pause, unless `holes_are_damage`. It is where something was wrong
    nearby. Either holds only for a film whose pictures come evenly. What is wrong before `begins` harms nobody.
    """

    def __init__(self, interval: float, *, holes_are_damage: bool = False, begins: float = -math.inf) -> None:
        self.places: list[Place] = []
        self._begins = begins
        self._interval, self._holes_are_damage = interval, holes_are_damage
        self._last: float | None = None
        self._steps = self._even = 0
        self._holes: deque[Place] = deque()
        self._seen: deque[float] = deque()

    def fail(self, seconds: float | None) -> None:
        """A packet of this time did not decode."""
        at = self._here(seconds)
        if at >= self._begins:
            self._put(Place(at, at, failed=1))
            self.suspect(at)

    def suspect(self, seconds: float | None) -> None:
        """Something is wrong about here."""
        at = self._here(seconds)
        if at < self._begins:
            return
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
        """What is wrong with the very last pictures is no more than where the file was cut.

        Of pictures that are decoded before others and shown after them, those others may be cut off.
        """
        if self.places and self._last is not None:
            short = self.places[-1].ends - self.places[-1].begins < (CUT_PICTURES + HOLE) * self._interval
            if short and self.places[-1].ends > self._last - CUT_PICTURES * self._interval:
                del self.places[-1]

    def _step(self, last: float, seconds: float) -> None:
        step = (seconds - last) / self._interval
        self._steps += 1
        self._even += abs(step - 1) < EVEN
        if step < HOLE or self._even < MOSTLY * self._steps:
            return
        hole = Place(last, seconds, skipped=round(step) - 1)
        self._forget(last)
        suspected = any(hole.joins(Place(at, at)) for at in self._seen)
        if suspected or (self._holes_are_damage and seconds - last < MOST_SECONDS):
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
        oldest = before - 2 * NEAR_SECONDS - 2 * MOST_INSIDE * self._interval
        while self._holes and self._holes[0].ends < oldest:
            self._holes.popleft()
        while self._seen and self._seen[0] < oldest:
            self._seen.popleft()

    def told(self, zero_at: float = 0.0) -> str:
        """In a line for people: what is missing, and what is there but spoilt; empty where nothing is.

        `zero_at` is when in the file, in seconds, the times began that were given.
        """
        missing, spoilt = (sum(getattr(place, what) for place in self.places) for what in ("missing", "spoilt"))
        places = [place for place in self.places if place.missing or place.spoilt]
        if not places:
            return ""
        counts = [f"{_are(count)} {what}" for count, what in ((missing, "missing"), (spoilt, "spoilt")) if count]
        number, told = (missing or spoilt), " and ".join(counts)
        noun = "picture" if number == 1 else "pictures"
        return f"{told.replace(str(number), f'{number} {noun}', 1)} {_where(places, zero_at)}"


class Inside:
    """The packets in a decoder, by the times of their pictures: which of them never come out as pictures."""

    def __init__(self) -> None:
        self._waiting: dict[int, None] = {}

    def sent(self, pts: int | None, *, ended: bool = False) -> list[int]:
        """A packet goes in; those that have been inside for too long, which at the end of all are all."""
        missed = []
        while len(self._waiting) > (0 if ended else MOST_INSIDE):
            missed.append(next(iter(self._waiting)))
            del self._waiting[missed[-1]]
        if pts is not None:
            self._waiting[pts] = None
        return missed

    def came_out(self, pts: int | None) -> None:
        """A picture came out."""
        if pts is not None:
            self._waiting.pop(pts, None)


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"


def _where(places: list[Place], zero_at: float) -> str:
    if len(places) > MOST_PLACES:
        return f"in {len(places)} places, the first {places[0].told(zero_at)}"
    return " and ".join(place.told(zero_at) for place in places)
