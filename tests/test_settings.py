"""A command's options come from the dataclass of its settings, and a setting says all that there is to say of it."""

from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from engines.errors import BadValue
from engines.setting import Setting, as_typed, check_setting, check_settings, settings_of
from realtime.bench.options import BenchOptions
from realtime.commands.settings import parameters_of, with_settings
from realtime.compiling.options import CompileOptions, SizeSpan
from realtime.evaluation.options import EvaluateOptions
from realtime.files.options import ImageOptions, VideoOptions
from realtime.live.options import LiveOptions
from realtime.live.run import run_live
from realtime.painting.options import Size
from trainers.settings.distil_options import DistilOptions
from trainers.settings.gatys_options import GatysOptions
from trainers.settings.options import JohnsonOptions
from trainers.settings.pairs_options import PairsOptions
from trainers.settings.predictor_options import PredictorOptions
from trainers.settings.unpaired_options import CycleGanOptions
from trainers.settings.vae_options import VaeOptions

HOLDERS = (
    BenchOptions, CompileOptions, EvaluateOptions, ImageOptions, VideoOptions, LiveOptions, GatysOptions, JohnsonOptions
)  # fmt: skip
RECIPES = (JohnsonOptions, CycleGanOptions, VaeOptions, DistilOptions, PairsOptions, PredictorOptions)


def colours() -> tuple[str, ...]:
    return ("red", "blue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Settings of every kind."""

    inputs: Annotated[tuple[str, ...], Setting("What is painted.", by_place=True, written="IN...")]
    count: Annotated[int, Setting("How many.", least=1, most=9)] = 3
    share: Annotated[float | None, Setting("How much of it.", least=0)] = None
    colour: Annotated[str, Setting("Its colour.", choices=colours)] = "red"
    shape: Annotated[str, Setting("Its shape.", choices=("round", "square"), group="Form")] = "round"
    sizes: Annotated[tuple[Size, ...], Setting("Again for more.", options=("--size", "-s"), written="WxH")] = ()
    sides: Annotated[tuple[int, ...], Setting("Sides.", in_one_word=True, least=2, written="3,4")] = (3, 4)
    layers: Annotated[tuple[str, ...], Setting("Layers.", in_one_word=True, needed=True, written="LAYERS")] = ("a",)
    weights: Annotated[tuple[tuple[str, float], ...], Setting("Weights.", in_one_word=True)] = ()
    pictures: Annotated[tuple[tuple[Path, float], ...], Setting("Pictures.")] = ()
    folders: Annotated[tuple[Path, ...], Setting("Folders.", options=("--folder",))] = (Path("here"),)
    span: Annotated[SizeSpan | None, Setting("From one size to another.")] = None
    rate: Annotated[Fraction, Setting("Its rate.")] = Fraction(25)
    fast: Annotated[bool, Setting("Be fast.")] = False
    sound: Annotated[bool, Setting("Keep the sound.")] = True
    untold: int = 5

    def __post_init__(self) -> None:
        if self.fast and self.count > 5:
            raise ValueError("fast is for five at most")


def run(*words: str) -> tuple[Any, Any]:
    """What a command with such options gets, and how typer ended."""
    got: list[Picture] = []
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    @with_settings
    def paint(options: Picture, other: Annotated[int, typer.Option(help="Its own.")] = 1) -> None:
        """Paints."""
        got.append(options)

    result = CliRunner().invoke(app, [*words], env={"COLUMNS": "240"})
    return got[0] if got else None, result


def test_the_defaults_are_those_of_the_dataclass() -> None:
    assert run("a", "b")[0] == Picture(inputs=("a", "b"))


def test_every_value_reaches_the_settings() -> None:
    words = (
        "a --count 4 --share 0.5 --colour blue --shape square --size 64x48 -s 32x16 --sides 5,6, --weights a=1,b=0.5 "
        "--pictures x.jpg=0.7 --pictures y.jpg --folder f --folder g --span 16x16-32x32 --rate 30000/1001 --fast "
        "--no-sound"
    )
    assert run(*words.split())[0] == Picture(
        inputs=("a",), count=4, share=0.5, colour="blue", shape="square", sizes=((64, 48), (32, 16)), sides=(5, 6),
        weights=(("a", 1.0), ("b", 0.5)), pictures=((Path("x.jpg"), 0.7), (Path("y.jpg"), 1.0)),
        folders=(Path("f"), Path("g")), span=SizeSpan((16, 16), (32, 32)), rate=Fraction(30000, 1001), fast=True,
        sound=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "Missing argument"),
        ("a --count 10", "--count is 10; give 1 to 9"),
        ("a --share -1", "--share is -1.0; give a number of at least 0"),
        ("a --share nan", "--share is nan; give a number of at least 0"),
        ("a --colour green", "--colour is 'green'; choose red or blue"),
        ("a --size 64", "is not a size such as"),
        ("a --sides 5,x", "'x' is no whole number"),
        ("a --sides 5,1", "--sides is 1; give a number of at least 2"),
        ("a --weights b", "'b' is not NAME=WEIGHT"),
        ("a --rate 0", "0 is not above 0"),
        ("a --rate 1e400", "1e400 is beyond 1e+09"),
        ("a --fast --count 6", "fast is for five at most"),
        ("a --no-fast", "No such option"),
        ("a --untold 3", "No such option"),
    ],
)
def test_what_cannot_be_meant_is_a_wrong_command_line(words: str, says: str) -> None:
    got, result = run(*words.split())
    assert (got, result.exit_code) == (None, 2)
    assert says in result.stderr


def test_the_help_shows_what_the_fields_say() -> None:
    text = run("--help")[1].stdout
    assert all(setting.help in text for _, setting in settings_of(Picture).values())
    for shown in (
        "IN...",
        "1<=x<=9",
        "round|square",
        "Form",
        "3,4",
        "--no-sound",
        "--size",
        "-s",
        "--other",
    ):
        assert shown in text


def test_some_fields_under_another_heading_and_with_another_default() -> None:
    (count,) = parameters_of(Picture, ("count",), "Here", count=7)
    assert (count.default, count.annotation.__metadata__[0].rich_help_panel) == (7, "Here")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"count": 0}, "count is 0; give 1 to 9"),
        ({"share": float("inf")}, "share is inf; give a number of at least 0"),
        ({"shape": "oval"}, "shape is 'oval'; choose round or square"),
        ({"sides": (5, 1)}, "sides is 1; give a number of at least 2"),
        ({"layers": ()}, "layers is empty; give LAYERS"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_checks_of_one_made_in_python(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_settings(Picture(inputs=(), **changes))
    check_settings(Picture(inputs=()))


@pytest.mark.parametrize("holder", HOLDERS)
def test_every_setting_of_a_command_is_told(holder: type[Any]) -> None:
    told = settings_of(holder)
    assert list(told) == [field.name for field in fields(holder)]
    assert all(setting.help.endswith(".") for _, setting in told.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"count": 4, "colour": "blue"}, "--count 4 --colour blue"),
        ({"share": 0.5, "fast": True, "sound": False}, "--share 0.5 --fast --no-sound"),
        ({"sizes": ((64, 48), (32, 16)), "sides": (5, 6)}, "--size 64x48 --size 32x16 --sides 5,6"),
        ({"rate": Fraction(30000, 1001), "folders": (Path("f"),)}, "--folder f --rate 30000/1001"),
    ],
)
def test_what_a_person_would_type_gives_the_same_settings(changes: dict[str, Any], words: str) -> None:
    settings = Picture(inputs=("a",), **changes)
    assert as_typed(settings) == words.split()
    assert run("a", *as_typed(settings))[0] == settings


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 10**23}, r"seed is 10{23}; give 0 to 1e\+18"),
        ({"style_layers": ()}, "style_layers is empty; give LAYERS"),
        ({"content_layers": ()}, "content_layers is empty; give LAYERS"),
    ],
)
def test_what_torch_would_refuse_in_its_own_words(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        GatysOptions(style_images=((Path("a.jpg"), 1.0),), **changes)


@pytest.mark.parametrize(("weight", "shown"), [(0, "0"), (-0.5, "-0.5"), (1e4, "10000"), (float("nan"), "nan")])
def test_the_weight_of_a_picture_is_refused_in_one_sentence(weight: float, shown: str) -> None:
    told = rf"the weight of a\.jpg is {shown}; give one above 0, up to 1000, as a\.jpg=0\.5"
    styles = ((Path("a.jpg"), weight),)
    with pytest.raises(BadValue, match=told):
        GatysOptions(style_images=styles)
    with pytest.raises(BadValue, match=told):
        run_live("pattern:", ["null:"], LiveOptions(style_images=styles))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"content_weight": float("nan")}, "content_weight is nan; give a number of at least 0"),
        ({"style_weight": -5.0}, r"style_weight is -5\.0; give a number of at least 0"),
        ({"style_weights": (("udnie", float("nan")),)}, "style_weights gives udnie nan; give a number of at least 0"),
        ({"textures": (("udnie", "weave"),)}, "textures gives udnie 'weave'; choose curls, dabs, .*, facets or panes"),
        (
            {"textures": (("udnie", "dabs"),), "seed_amplitude": 0.0},
            "with seed_amplitude 0 they grow from none; leave one out",
        ),
        (
            {"textures": (("udnie", "dabs"),), "network": "paper"},
            "textures are chosen among several, and paper has one; choose fast or fine",
        ),
        ({"max_scale": float("nan")}, "max_scale is nan; give a number of at least 1"),
        ({"seed_amplitude": float("inf")}, "seed_amplitude is inf; give "),
        ({"average_decay": 2.0}, r"average_decay is 2\.0; give 0 to 1"),
        ({"learning_rate": float("inf")}, "learning_rate is inf; give a number of at least 0"),
    ],
)
def test_what_would_train_away_from_the_painting(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        JohnsonOptions(styles=Path(), content=(Path(),), out=Path("a.onnx"), **changes)


@pytest.mark.parametrize("holder", RECIPES, ids=lambda holder: holder.__name__)
def test_no_recipe_starts_more_processes_than_a_machine_bears(holder: type[Any]) -> None:
    setting = settings_of(holder)["workers"][1]
    with pytest.raises(BadValue, match="--workers is 5000; give 0 to 64"):
        check_setting("--workers", 5000, setting)


@pytest.mark.parametrize("holder", RECIPES, ids=lambda holder: holder.__name__)
@pytest.mark.parametrize("decay", [-0.1, 1.001, float("nan")])
def test_every_recipe_averages_weights_and_no_more(holder: type[Any], decay: float) -> None:
    """Beyond these bounds an average grows without end."""
    setting = settings_of(holder)["average_decay"][1]
    with pytest.raises(BadValue, match=f"--average-decay is {decay}; give 0 to 1"):
        check_setting("--average-decay", decay, setting)
