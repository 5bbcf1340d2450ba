"""The clock of a file: sane times stay, and whatever happens to them, order, sync and completeness are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.media.times.file_clock import MOST_AHEAD, FileClock
from realtime.media.times.lane import Kind, StreamTiming, TimedPacket
from realtime.media.times.picture_times import DecodeTimes, PictureTimes

MPEG_TICK, MS = Fraction(1, 90000), Fraction(1, 1000)
WRAP = Fraction(2**33, 90000)
PICTURES, SOUND, TEXT = 0, 1, 2
INTERVAL, BLOCK = 40, 21  # milliseconds
SECOND = 1000
HOUR = 3600 * SECOND
MOST_APART = Fraction(20, 1000)


@dataclass(frozen=True)
class Sent:
    """A packet of the model: what the file says in milliseconds, and when it really is since its part began."""

    stream: int
    dts: int
    pts: int
    true: int
    part: int = 0

    def moved(self, by: int) -> "Sent":
        return replace(self, dts=self.dts + by, pts=self.pts + by)


def timings(tick: Fraction) -> dict[int, StreamTiming]:
    kinds = {PICTURES: Kind.PICTURES, SOUND: Kind.SOUND, TEXT: Kind.SPARSE}
    return {stream: StreamTiming(tick, kind) for stream, kind in kinds.items()}


def clock_of(tick: Fraction = MPEG_TICK, *, broadcast: bool = True) -> FileClock[Sent]:
    return FileClock(timings(tick), broadcast=broadcast, wrap_seconds=WRAP if broadcast else None)


def recording(
    length: int = 2 * SECOND, starts: int = 0, sound_after: int = 0, reordered: int = 0, part: int = 0
) -> list[Sent]:
    """Pictures and sound of a part as a file has them; before each `reordered` pictures comes the one after them."""
    group = reordered + 1
    pictures = []
    count = length // INTERVAL
    for number in range(count // group * group + 1 if reordered else count):
        rounds, place = divmod(number - 1, group)
        shown = INTERVAL * (rounds * group + (place or group)) if number and reordered else INTERVAL * number
        pictures.append(Sent(PICTURES, INTERVAL * (number - bool(reordered)), shown, shown, part))
    sound = [Sent(SOUND, time, time, time, part) for time in range(sound_after, length, BLOCK)]
    return [packet.moved(starts) for packet in sorted(pictures + sound, key=lambda packet: packet.dts)]


def told(clock: FileClock[Sent], packets: Iterable[Sent], tick: Fraction = MPEG_TICK) -> list[TimedPacket[Sent]]:
    """What the clock makes of the packets, whose times it is told in ticks."""
    per_ms = MS / tick
    given: list[TimedPacket[Sent]] = []
    for packet in packets:
        length = (INTERVAL if packet.stream == PICTURES else BLOCK) * per_ms
        dts, pts = int(packet.dts * per_ms), int(packet.pts * per_ms)
        if tick == MPEG_TICK:  # of one packet, FFmpeg gives both times on the same side of a wrap
            dts, pts = dts % 2**33, dts % 2**33 + pts - dts
        given += clock.push(TimedPacket(packet, packet.stream, dts, pts, int(length)))
    return given + clock.rest()


def pictures_shown(given: Sequence[TimedPacket[Sent]], tick: Fraction = MPEG_TICK) -> list[tuple[Sent, Fraction]]:
    """Through a decoder that knows the pictures' order."""
    times: PictureTimes[Sent] = PictureTimes(int(INTERVAL * MS / tick))
    decoded = [packet for packet in given if packet.stream == PICTURES]
    decoded.sort(key=lambda packet: (packet.item.part, packet.item.true))
    shown: list[tuple[Sent, int]] = []
    for packet in decoded:
        assert packet.pts is not None
        shown += times.push(packet.item, None if packet.shift is None else packet.pts + packet.shift)
    return [(item, pts * tick) for item, pts in shown + times.rest()]


def sound_heard(given: Sequence[TimedPacket[Sent]], tick: Fraction = MPEG_TICK) -> list[tuple[Sent, Fraction]]:
    heard = []
    for packet in given:
        if packet.stream == SOUND:
            assert packet.dts is not None
            assert packet.shift is not None
            heard.append((packet.item, (packet.dts + packet.shift) * tick))
    return heard


def check(packets: Sequence[Sent], given: Sequence[TimedPacket[Sent]], tick: Fraction = MPEG_TICK) -> None:
    """Nothing is lost, all times rise, and in each part sound and pictures have moved by the same."""
    assert [packet.item for packet in given] == list(packets)
    pictures, sound = pictures_shown(given, tick), sound_heard(given, tick)
    for stream in (pictures, sound):
        times = [time for _, time in stream]
        assert times == sorted(set(times))
    for part in {packet.part for packet in packets}:
        moved = [time - item.true * MS for item, time in (*pictures, *sound) if item.part == part]
        assert max(moved) - min(moved) <= MOST_APART


def joined(*recordings: list[Sent]) -> list[Sent]:
    """The recordings end to end."""
    return [replace(packet, part=part) for part, packets in enumerate(recordings) for packet in packets]


parts = st.builds(
    recording,
    length=st.integers(1500, 2500),
    starts=st.one_of(st.integers(100, 5 * SECOND), st.integers(100, 26 * HOUR)),
    sound_after=st.integers(0, 400),
    reordered=st.sampled_from([0, 2]),
)


@settings(max_examples=50, deadline=None)
@given(parts, st.booleans())
def test_sane_times_stay_as_they_are(packets: list[Sent], broadcast: bool) -> None:
    tick = MPEG_TICK if broadcast else MS
    clock = clock_of(tick, broadcast=broadcast)
    given = told(clock, packets, tick)
    assert [packet.item for packet in given] == packets
    assert {packet.shift for packet in given} <= {0, 2**33}  # where the clock wraps
    check(packets, given, tick)
    assert (clock.joins, clock.jumps, clock.strays) == ([], [], 0)


def edges_of(packets: Sequence[Sent]) -> set[int]:
    """Where the parts begin and end, in the packets of one stream."""
    return {0, len(packets)} | {
        place for place in range(1, len(packets)) if packets[place].part != packets[place - 1].part
    }


@dataclass(frozen=True)
class Film:
    packets: list[Sent] = field(repr=False)
    told: str


@st.composite
def troubled(draw: st.DrawFn) -> Film:
    """Up to four parts whose clocks start anywhere, with one to three strays at a time in pictures and sound.

    None begins less than half a second before the last one ended: that is told apart in some cases alone.
    """
    packets: list[Sent] = []
    story = ""
    for number, part in enumerate(draw(st.lists(parts, min_size=1, max_size=4))):
        back = part[0].dts - max((packet.dts for packet in packets if packet.part == number - 1), default=0)
        by = -SECOND if -SECOND < back < 0 else 0
        packets += [replace(packet.moved(by), part=number) for packet in part]
        story += f" part {number}: {len(part)} packets from {part[0].moved(by)}"
    distance = st.one_of(st.integers(100, 2 * SECOND), st.integers(100, HOUR))
    for stream in (PICTURES, SOUND):
        own = [place for place, packet in enumerate(packets) if packet.stream == stream]
        taken = edges_of([packets[place] for place in own])
        for place in draw(st.sets(st.integers(0, len(own) - 1), max_size=3)):
            if all(abs(place - other) > 8 for other in taken):
                taken.add(place)
                for stray in own[place : place + draw(st.integers(1, 3))]:
                    packets[stray] = packets[stray].moved(draw(distance) * draw(st.sampled_from([-1, 1])))
                    story += f" stray {packets[stray]}"
    return Film(packets, story)


@settings(max_examples=60, deadline=None)
@given(troubled(), st.booleans())
def test_jumps_wraps_strays_and_reordering_keep_order_sync_and_all_packets(film: Film, broadcast: bool) -> None:
    tick, packets = MPEG_TICK if broadcast else MS, film.packets
    check(packets, told(clock_of(tick, broadcast=broadcast), packets, tick), tick)


@st.composite
def overlapping(draw: st.DrawFn) -> list[Sent]:
    """Two parts of which the second begins by the clock a little before the end of the first, in a hole of the sound.

    Or the sound steps back too. Where it runs on without either, nobody can tell.
    """
    reordered = draw(st.sampled_from([0, 2]))
    first = recording(draw(st.integers(1500, 2500)), sound_after=draw(st.integers(0, 400)), reordered=reordered)
    ended = {packet.stream: packet.dts for packet in first}
    hole = draw(st.one_of(st.integers(-400, -4 * BLOCK), st.integers(3 * BLOCK, 450)))
    overlap = draw(st.integers(2 * INTERVAL + BLOCK, 499))
    begins = ended[PICTURES] + INTERVAL - overlap
    sound_after = max(0, ended[SOUND] + BLOCK + hole - begins)
    second = recording(draw(st.integers(1500, 2500)), begins + INTERVAL * bool(reordered), sound_after, reordered)
    return joined(first, second)


@settings(max_examples=100, deadline=None)
@given(overlapping())
def test_parts_that_overlap_a_little_follow_one_another(packets: list[Sent]) -> None:
    clock = clock_of()
    check(packets, told(clock, packets))
    assert len(clock.joins) == 1


def moved_in(given: Sequence[TimedPacket[Sent]], part: int) -> set[Fraction]:
    """How far the packets of a part are from the beginning of their part."""
    shown = (*pictures_shown(given), *sound_heard(given))
    return {time - item.true * MS for item, time in shown if item.part == part}


def test_sound_that_begins_late_in_each_part_stays_late() -> None:
    part = recording(800, sound_after=280)
    packets = joined(part, part, part)
    clock = clock_of()
    given = told(clock, packets)
    assert [moved_in(given, number) for number in range(3)] == [{0}, {Fraction(4, 5)}, {Fraction(8, 5)}]
    assert clock.joins == [0.8, 1.6]


def test_sound_that_runs_on_from_part_to_part_still_does() -> None:
    """As `ffmpeg -f segment -reset_timestamps 1` cuts: the sound of a part ends a little after its pictures."""
    packets = joined(recording(1000, 500), recording(1000, 508), recording(1000, 516))
    heard = [time for _, time in sound_heard(told(clock_of(), packets))]
    assert {after - before for before, after in pairwise(heard)} == {BLOCK * MS}


def test_a_wrap_adds_exactly_what_the_clock_counts_to() -> None:
    packets = recording(2000, starts=int(WRAP * 1000) - 1000)
    clock = clock_of()
    given = told(clock, packets)
    assert {packet.shift for packet in given} == {0, 2**33}
    check(packets, given)
    assert (clock.joins, clock.jumps) == ([], [])


def test_a_leap_of_a_broadcast_clock_is_closed_in_all_streams() -> None:
    packets = joined(recording(1600), recording(1600, HOUR, sound_after=60))
    clock = clock_of()
    given = told(clock, packets)
    check(packets, given)
    assert moved_in(given, 1) == {Fraction(1600, 1000)}
    ((at, by),) = clock.jumps
    assert at == 1.6
    assert by == pytest.approx(3598.4)


def test_no_other_file_s_gap_is_closed() -> None:
    packets = joined(recording(1600), recording(1600, HOUR))
    assert {packet.shift for packet in told(clock_of(MS, broadcast=False), packets, MS)} == {0}


@pytest.mark.parametrize("gap", [3 * SECOND, 9 * SECOND])
def test_a_gap_of_seconds_is_kept_in_a_broadcast_too(gap: int) -> None:
    packets = joined(recording(1600), recording(1600, 1600 + gap))
    assert {packet.shift for packet in told(clock_of(), packets)} == {0}


def test_sound_that_runs_through_a_long_gap_in_the_pictures_proves_it_real() -> None:
    sound = [packet for packet in recording(60 * SECOND) if packet.stream == SOUND]
    pictures = [Sent(PICTURES, time, time, time) for time in (0, 40, 80, 30 * SECOND, 30 * SECOND + 40)]
    packets = sorted(sound + pictures, key=lambda packet: packet.dts)
    assert {packet.shift for packet in told(clock_of(), packets)} == {0}


def test_subtitles_go_with_the_part_they_lie_in() -> None:
    texts = [Sent(TEXT, time, time, time) for time in (300, 700)]
    part = sorted(recording(1000) + texts, key=lambda packet: packet.dts)
    given = told(clock_of(), joined(part, part))
    assert [
        (packet.dts + packet.shift) * MPEG_TICK
        for packet in given
        if packet.stream == TEXT and packet.dts is not None and packet.shift is not None
    ] == [Fraction(time, 1000) for time in (300, 700, 1308, 1708)]


def test_what_the_demuxer_still_held_of_the_part_before_stays_with_it() -> None:
    first, second = recording(1000), recording(1000)
    late = [packet for packet in first if packet.stream == PICTURES][-2:]
    packets = [packet for packet in first if packet not in late]
    packets = joined(packets, second)
    place = next(place for place, packet in enumerate(packets) if packet.part and packet.stream == PICTURES)
    packets[place:place] = late
    check(packets, told(clock_of(), packets))


def test_the_origin_becomes_zero_for_all_streams() -> None:
    packets = recording(1000, starts=5000)
    clock: FileClock[Sent] = FileClock(timings(MPEG_TICK), broadcast=True, origin=Fraction(5))
    assert {packet.shift for packet in told(clock, packets)} == {-5 * 90000}


def test_packets_without_times_pass() -> None:
    clock: FileClock[str] = FileClock(timings(MS))
    (given,) = clock.push(TimedPacket("untimed", SOUND, None, None, 0))
    assert given.shift is None


def test_little_waits_while_all_is_well() -> None:
    clock = clock_of(MS)
    waiting = 0
    for packet in recording(10 * SECOND, reordered=2):
        length = INTERVAL if packet.stream == PICTURES else BLOCK
        waiting += 1 - len(clock.push(TimedPacket(packet, packet.stream, packet.dts, packet.pts, length)))
        assert waiting <= 12  # the first packets of a stream, until they are believed
    assert waiting == 0


def test_a_stream_that_never_goes_on_does_not_keep_the_file_in_memory() -> None:
    clock = clock_of(MS)
    clock.push(TimedPacket(Sent(PICTURES, 0, 0, 0), PICTURES, 0, 0, INTERVAL))
    waiting = 1
    for packet in recording(60 * SECOND):
        if packet.stream == SOUND:
            waiting += 1 - len(clock.push(TimedPacket(packet, SOUND, packet.dts, packet.pts, BLOCK)))
            assert waiting <= MOST_AHEAD


def shown(times: Sequence[int | None], interval: int = INTERVAL) -> tuple[list[int], int]:
    order: PictureTimes[int] = PictureTimes(interval)
    given = [pair for number, time in enumerate(times) for pair in order.push(number, time)] + order.rest()
    assert [number for number, _ in given] == list(range(len(times)))
    return [time for _, time in given], order.moved


@pytest.mark.parametrize(
    "times", [[0, 40, 80], [-5, 0, 1, 9000, 9001], [500], [0, 40, 3000, 3040, 9000], [7, 8, 10], [0, 40, 3000]]
)
def test_pictures_whose_times_rise_keep_them(times: list[int]) -> None:
    assert shown(times) == (times, 0)


@pytest.mark.parametrize(
    ("times", "right"),
    [
        ([0, 40, 1360, 120, 160], [0, 40, 80, 120, 160]),  # one that is late
        ([80, 120, 0, 200, 240], [80, 120, 160, 200, 240]),  # one that is early
        ([0, 40, 40, 120], [0, 40, 80, 120]),
        ([0, 0, 40], [0, 20, 40]),
        ([0, 40, None, 120], [0, 40, 80, 120]),
        ([0, 40, None, None, None, 200], [0, 40, 80, 120, 160, 200]),
        ([None, None, None], [0, 40, 80]),
        ([0, 40, 30, 20, 160], [0, 40, 80, 120, 160]),
        ([0, 40, 10, None, 42, 200], [0, 40, 80, 120, 160, 200]),  # the last of three strays seems to be in line
    ],
)
def test_a_picture_that_breaks_the_order_is_put_between_its_neighbours(
    times: list[int | None], right: list[int]
) -> None:
    assert shown(times)[0] == right


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 10000)), max_size=40))
def test_the_times_of_pictures_rise_whatever_comes(times: list[int | None]) -> None:
    given, _ = shown(times)
    assert all(before < after for before, after in pairwise(given))


def test_pictures_take_the_times_at_which_they_were_to_be_decoded_in_order() -> None:
    times = DecodeTimes()
    for dts in (0, 40, 80, 120):
        times.send(dts)
    assert [times.take(dts, is_key=dts == 0) for dts in (0, 80, 120, 40)] == [0, 40, 80, 120]


def test_pictures_that_were_lost_delay_none_after_the_next_key_picture() -> None:
    times = DecodeTimes()
    for dts in (0, 40, 80, 120):
        times.send(dts)
    assert [times.take(0, is_key=True), times.take(80, is_key=True)] == [0, 80]
    assert times.take(120, is_key=False) == 120
    assert times.take(None, is_key=False) is None


def test_a_lost_picture_delays_none_after_a_key_picture_that_is_shown_behind_its_followers() -> None:
    """Decoded I0 P3 B1 B2 I6 B4 B5 P9, of which B2 is lost; the key picture I6 is shown after B4 and B5."""
    times = DecodeTimes()
    for dts in range(0, 320, 40):
        times.send(dts)
    given = [(0, True), (80, False), (40, False), (200, False), (240, False), (160, True), (280, False)]
    assert [times.take(dts, is_key=key) for dts, key in given] == [0, 40, 80, 120, 160, 240, 280]
