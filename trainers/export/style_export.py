"""The end of a run: figures on pictures that it may not have seen, and the style file with its card and its credits."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engines.errors import BadFile, in_one_line
from engines.export.export import export_style, weights_and_styles
from engines.style.card import style_name
from engines.style.styles import NamedStyle
from trainers.data import evenly, open_picture, to_tensor
from trainers.export.provenance import data_list, picture_list, provenance
from trainers.johnson import RECIPE
from trainers.losses.perceptual import load_perceptual
from trainers.losses.step import Step
from trainers.losses.training_losses import Paintings, paintings_of, training_losses
from trainers.motion import MotionOptions, second_frame
from trainers.run.licence import licence_of
from trainers.run.transform_run import TrainedNet
from trainers.settings.options import JohnsonOptions

CREDITS_FILE = "credits.toml"
FIELDS = ("title", "artist", "year", "source", "licence")
MEASURED_PICTURES = 24


def write_style_file(options: JohnsonOptions, trained: TrainedNet) -> dict[str, float]:
    """Measures the net and writes `options.out`; returns the figures. The device is the net's own."""
    device = trained.net.styles.device
    perceptual = load_perceptual(options.loss_network).to(device)
    figures = measure(trained, paintings_of(trained.pictures, options, perceptual, device), options)
    training = provenance(
        RECIPE, options, trained.history, loss_network=perceptual.name,
        style_pictures=picture_list(trained.pictures.values()), content_pictures=data_list(options.content),
    )  # fmt: skip
    told = read_credits(options.styles)
    credits = {name: told.get(path.stem, {}) for name, path in trained.pictures.items()}
    licence = licence_of(options.licence, trained.history, trained.followed)
    write_net(options.out, trained, licence, training, figures, credits)
    return figures


def write_net(
    path: Path,
    trained: TrainedNet,
    licence: str,
    training: Mapping[str, Any],
    figures: Mapping[str, float],
    credits: Mapping[str, Mapping[str, str]],
) -> None:
    """The net as a style file, its card saying how it was made and, by style, whose painting it was made for."""
    weights, vectors = weights_and_styles(trained.net)
    export_style(
        path,
        network="transform",
        config=trained.net.config.to_dict(),
        weights=weights,
        styles=[
            NamedStyle(name, row, **credits.get(name, {})) for name, row in zip(trained.styles, vectors, strict=True)
        ],
        name=style_name(path),
        licence=licence,
        training=training,
        figures=figures,
    )


@torch.no_grad()
def measure(trained: TrainedNet, paintings: Paintings, options: JohnsonOptions) -> dict[str, float]:
    """Mean losses over some of the photos to be measured: content, style, style of each name, and stability.

    All are of what the net paints by itself, however it was judged: figures of any two nets can be compared.
    `stability` is the mean absolute change (0..1) that synthetic motion leaves after the motion is taken back, and
    `stability_of_input` the same of the pictures themselves.
    """
    net, sums = trained.net, dict[str, list[float]]()
    clean = replace(options, sensor_noise=0.0, join_share=0.0)
    for number, path in enumerate(evenly(trained.measured, MEASURED_PICTURES)):
        content = centre_crop(path, options.size)[None].to(net.styles.device)
        after = second_frame(content, MotionOptions(), torch.Generator().manual_seed(number))
        sums.setdefault("stability_of_input", []).append(float(after.instability(content, after.frame)))
        for style, name in enumerate(paintings.names):
            ids = torch.tensor([style], device=content.device)
            chance = torch.Generator().manual_seed(number)
            step = Step(net, content, net.styles[ids], ids, chance)
            losses = training_losses(step, paintings=paintings, options=clean)
            sums.setdefault("content", []).append(float(losses["content"]))
            sums.setdefault("style", []).append(float(losses["style"]))
            sums.setdefault(f"style/{name}", []).append(float(losses["style"]))
            first, second = (net(frame, net.styles[ids]).clamp(0, 1) for frame in (content, after.frame))
            sums.setdefault("stability", []).append(float(after.instability(first, second)))
    return {name: round(sum(values) / len(values), 5) for name, values in sums.items()}


def read_credits(folder: Path) -> dict[str, dict[str, str]]:
    """What the card is to say of each picture, by style name and FIELDS; no file means nothing.

    BadFile where it is malformed.
    """
    path = folder / CREDITS_FILE
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(f"{path} is no TOML file: {in_one_line(error)}") from error
    return {name: _credit(path, name, table) for name, table in tables.items()}


def _credit(path: Path, name: str, table: Any) -> dict[str, str]:
    if not isinstance(table, Mapping) or not set(table) <= set(FIELDS):
        raise BadFile(f"{path}: [{name}] may hold {', '.join(FIELDS)} and nothing else")
    return {field: str(value) for field, value in table.items()}


def centre_crop(path: Path, size: int) -> Tensor:
    """The largest square in the middle, [3, size, size], RGB in 0..1."""
    picture = open_picture(path)
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    crop = picture.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return to_tensor(crop)
