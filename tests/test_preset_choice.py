"""Which preset `--preset auto` takes for what a frame costs: the dearest that the rest of the run hides."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from realtime.files.preset import LEAST_SHARE, Load, choose_rung
from realtime.media.encoders import ENCODERS, HARDWARE_ENCODERS, Encoder, Rung

X264 = ENCODERS["h264"].ladder
WITH_LADDER = [encoder for encoder in ENCODERS.values() if encoder.ladder]
ms = some.floats(0.01, 1000.0).map(lambda milliseconds: milliseconds / 1e3)
loads = some.builds(
    Load,
    seconds=ms,
    core_seconds=ms,
    encoder_seconds=ms,
    encoder_core_seconds=ms,
    cores=some.floats(0.5, 64),
    net_on_processor=some.booleans(),
)
ladders = some.lists(some.floats(1.01, 20.0), unique=True).map(
    lambda costs: tuple(Rung(f"at {cost}", cost, 18) for cost in sorted(costs))
)


def share(load: Load, cost: float) -> float:
    """Of the frames a second that the default preset gives."""
    return load.with_encoder() / load.with_encoder(cost)


def cost_of(rung: Rung | None) -> float:
    return 1.0 if rung is None else rung.cost


@given(ladders, loads)
def test_the_dearest_that_keeps_up_is_taken(ladder: tuple[Rung, ...], load: Load) -> None:
    taken = cost_of(choose_rung(ladder, load))
    assert share(load, taken) >= LEAST_SHARE * (1 - 1e-12)
    assert all(share(load, rung.cost) < LEAST_SHARE for rung in ladder if rung.cost > taken)


@given(loads, some.floats(1.0, 50.0), some.floats(1.0, 50.0))
def test_a_dearer_preset_never_makes_a_run_faster(load: Load, one: float, other: float) -> None:
    cheap, dear = sorted((one, other))
    assert load.with_encoder(cheap) <= load.with_encoder(dear)


@given(ladders, loads, some.floats(1.0, 20.0))
def test_where_encoding_costs_more_the_preset_is_never_slower(
    ladder: tuple[Rung, ...], load: Load, times: float
) -> None:
    dearer = replace(
        load, encoder_seconds=load.encoder_seconds * times, encoder_core_seconds=load.encoder_core_seconds * times
    )
    assert cost_of(choose_rung(ladder, dearer)) <= cost_of(choose_rung(ladder, load)) + 1e-9


@given(ladders, loads, some.floats(1.0, 20.0))
def test_where_a_gpu_takes_longer_the_preset_is_never_faster(
    ladder: tuple[Rung, ...], load: Load, times: float
) -> None:
    load = replace(load, net_on_processor=False)
    slower = replace(load, seconds=load.seconds * times)
    assert cost_of(choose_rung(ladder, slower)) >= cost_of(choose_rung(ladder, load))


@given(ladders, loads, some.floats(1.0, 20.0))
def test_what_else_keeps_a_processor_busy_that_paints_changes_nothing(
    ladder: tuple[Rung, ...], load: Load, times: float
) -> None:
    """Other programs make time pass, and none of the work cheaper: no core is idle because of them."""
    work = replace(load, net_on_processor=True, cores=64.0, encoder_seconds=1e-6)
    seconds = max(work.seconds, work.core_seconds / work.cores)
    shared = replace(work, seconds=seconds * times)
    assert choose_rung(ladder, shared) == choose_rung(ladder, replace(work, seconds=seconds))


@pytest.mark.parametrize(
    ("load", "preset"),
    [
        # ms a frame: apart, of a core; x264 apart, of a core. On two cores, as measured:
        (Load(0.035, 0.068, 0.004, 0.004, 2, True), None),  # 640x360
        (Load(0.100, 0.190, 0.004, 0.004, 2, True), "veryfast"),  # strokes half as large
        (Load(0.052, 0.100, 0.014, 0.017, 2, True), None),  # 1280x720
        (Load(0.075, 0.140, 0.030, 0.040, 2, True), None),  # 1920x1080
        # A net on a GPU, decoding and joining on sixteen cores:
        (Load(0.004, 0.012, 0.003, 0.020, 16, False), None),  # as fast as the encoder
        (Load(0.008, 0.030, 0.002, 0.020, 16, False), "faster"),
        (Load(0.050, 0.030, 0.003, 0.020, 16, False), "slow"),
    ],
)
def test_what_is_taken_of_x264(load: Load, preset: str | None) -> None:
    rung = choose_rung(X264, load)
    assert (rung.preset if rung else None) == preset


@pytest.mark.parametrize("encoder", WITH_LADDER, ids=lambda encoder: encoder.name)
def test_a_ladder_leads_from_the_default_to_slower_presets(encoder: Encoder) -> None:
    costs = [1.0, *(rung.cost for rung in encoder.ladder)]
    assert costs == sorted(set(costs))
    order = (
        encoder.presets
        if encoder.preset_option == "preset" and not encoder.preset.isdecimal()
        else encoder.presets[::-1]
    )
    places = [order.index(preset) for preset in (encoder.preset, *(rung.preset for rung in encoder.ladder))]
    assert places == sorted(set(places))
    assert all(abs(rung.crf - encoder.crf) <= 1 for rung in encoder.ladder)


def test_what_suits_paintings_goes_with_our_default_and_x264_itself_with_any_other() -> None:
    x264 = ENCODERS["h264"]
    default, slower = x264.options_at(18, x264.preset), x264.options_at(18, "veryfast")
    assert default["partitions"] == "i8x8"
    assert "partitions" not in slower
    assert default["aq-strength"] == slower["aq-strength"] == "0.5"


def test_hardware_is_not_asked_to_take_its_time() -> None:
    assert not any(encoder.ladder for encoder in HARDWARE_ENCODERS.values())
