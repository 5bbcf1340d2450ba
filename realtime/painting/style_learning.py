"""A picture's style learnt for a net that takes it as a vector (trainers/style_vector.py), begun from what is known.

That is what the predictor beside the net reads from the picture, where there is one, and else every style of the file.
Photos are the user's own, or views of the built-in scene and the people that engines are calibrated with: a vector has
so few numbers that it learns little of what it is tried on. Views of a stream may join them while it is learnt. torch
is loaded here when a style is learnt.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engines.backends.calibration import CALIBRATION
from engines.errors import BadFile
from engines.loading.further_graphs import STATISTICS, offers
from engines.packages import needing_extra
from engines.pictures import read_picture
from engines.style.picture_name import GALLERY
from engines.style.styles import StyleFile, load_style, style_file_named
from realtime.frames.frame import Pixels
from realtime.painting.picture_style import vector_read
from realtime.scene import Scene
from trainers.settings.style_options import StyleOptions

if TYPE_CHECKING:
    from torch import Tensor

PEOPLE = ("people", "glare", "doorway")
SCENE_SIZE = 448, 252
SCENE_MOMENTS = (0.0, 4.0, 9.0, 14.0, 20.0, 27.0)  # in seconds


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told how it goes: lines that stay, what is going on, and each step.

    Of a step are told how many there were, of how many as far as can be told, and what gives the vector [S] so far.
    """

    report: Callable[[str], None]
    label: Callable[[str], None]
    step: Callable[[int, int | None, Callable[[], NDArray[np.float32]]], None]


def learn_styles(
    options: StyleOptions,
    told: Told,
    stop: threading.Event,
    arriving: Callable[[], Sequence[Pixels]] = lambda: (),
) -> StyleFile | None:
    """Learns the style of each picture and writes it into `options.out`; the rest is left once `stop` is set.

    The views uint8 [H, W, 3] that are `arriving` are learnt on too: called before the first step and at each, it gives
    those that came since. Returns the file with all styles, or None where there is none. Errors are those of
    `wanted_styles`, of `load_style` and of `learn`; NotInstalled without the extra `train`.
    """
    with needing_extra("train", "training"):
        from trainers.export.vector_export import wanted_styles, write_style
        from trainers.style_vector import Learner
    file = load_style(options.net)
    wanted = wanted_styles(options, file)
    written = wanted.there
    base = written if options.polish and written else file
    learner = Learner(base, options, built_in_views, arriving)
    for name, picture in wanted.pictures.items():
        told.label(name)
        starts = [base.vector(name)] if options.polish else starting_vectors(base, picture)
        learnt = learner.learn(picture, starts, stop, told.step)
        if learnt.steps == 0:
            break
        written = write_style(options, file, name, picture, learnt)
        told.report(f"{name}: {learnt.steps} steps, loss {learnt.before:.3g} -> {learnt.after:.3g}")
        if stop.is_set():
            break
    return written


def starting_vectors(file: StyleFile, picture: Path) -> list[NDArray[np.float32]]:
    """The vectors [S] with which a picture's style may begin."""
    if offers(file, STATISTICS):
        with suppress(BadFile):  # a kind of picture that is trained on and not painted, such as .avif
            return [vector_read(file, picture)]
    return [np.array(style.vector) for style in file.card.styles]


def first_vector(initial: Path | None, picture: Path) -> "tuple[Path, Tensor | None]":
    """What a net that is to paint like the picture begins with: a style file or checkpoint, and the vector [S].

    No vector where that file is a checkpoint, or its net takes no pictures.
    """
    import torch

    if initial is None:
        file = load_style(GALLERY)
    elif (named := style_file_named(initial)) is not None:
        file = named
    else:
        return initial, None
    if not offers(file, STATISTICS):
        return file.path, None
    return file.path, torch.tensor(starting_vectors(file, picture)[0])


def built_in_views() -> list[Pixels]:
    """Of the scene and of people, uint8 [H, W, 3]."""
    scene = Scene(*SCENE_SIZE)
    return [*map(scene.at, SCENE_MOMENTS), *(read_picture(CALIBRATION.path(name)) for name in PEOPLE)]
