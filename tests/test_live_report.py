"""What a live run says at its end."""

import json
from dataclasses import replace

from engines.spec import EngineSpec
from realtime.live.report import LiveReport, SinkFacts
from realtime.live.stats import LiveStats

ENGINE = EngineSpec("openvino", "fp32", 360, 640, "CPU", "2025.1", 1)


class Clock:
    """Goes on when it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def report(*sinks: SinkFacts, engine: EngineSpec | None = ENGINE, shown: bool = True) -> LiveReport:
    clock = Clock()
    stats = LiveStats(clock)
    for _ in range(50):
        clock.now += 0.04
        stats.captured()
    for _ in range(25 if shown else 0):
        stats.painted()
        stats.delivered("window:", 0.05)
    stats.dropped("capture", 25)
    return LiveReport(stats.totals(), (1280, 720), engine, "gallery.onnx", sinks, 0.4, ("a note",), interrupted=False)


def test_one_line_for_people() -> None:
    assert report().summary() == (
        "painted 25 of 50 pictures from copies of 640x360 in 2.0 s (12.5 fps; window: 50 ms late; 25 dropped)"
    )


def test_a_run_that_showed_nothing_says_so() -> None:
    assert report(engine=None, shown=False).summary() == (
        "painted 0 of 50 pictures in 2.0 s (0.0 fps; nothing was shown; 25 dropped); "
        "it ended before an engine was ready, which `impasto compile` builds ahead"
    )


def test_the_original_alone_misses_no_engine() -> None:
    shown = replace(report(engine=None, shown=False), painting_wanted=False).summary()
    assert shown == "painted 0 of 50 pictures in 2.0 s (0.0 fps; nothing was shown; 25 dropped)"


def test_plain_values_for_json() -> None:
    told = json.loads(json.dumps(report(SinkFacts("null:", 25, ""), SinkFacts("out.mkv", 3, "no space")).as_dict()))
    assert (told["size"], told["paint_size"]) == ([1280, 720], [640, 360])
    assert (told["engine"], told["precision"], told["engine_version"]) == ("openvino", "fp32", "2025.1")
    assert (told["net"], told["texture"]) == ("gallery.onnx", None)
    assert replace(report(), texture="panes").as_dict()["texture"] == "panes"
    assert told["sinks"] == [
        {"sink": "null:", "frames": 25, "error": None},
        {"sink": "out.mkv", "frames": 3, "error": "no space"},
    ]
    assert told["notes"] == ["a note"]
    assert report(engine=None).as_dict()["engine"] is None


def test_a_sink_in_trouble_makes_the_command_fail() -> None:
    whole, broken = SinkFacts("null:", 25, ""), SinkFacts("out.mkv", 3, "no space")
    assert not report(whole).input_broke_off
    assert report(whole, broken).input_broke_off
