"""What a new run begins with: the weights of another run or of a style file, fitted to the new net.

Three changes keep what was learnt. A net with fewer residual blocks leaves out the first ones. Styles of the same name
keep their vectors, and others take those of the old styles in turn, since any painter is a better start than none. And
a net that folds blocks twice as large begins as the old net at half the picture's size: its stem first takes the mean
of 2 × 2 pixels, its head paints each of its pixels four times, and `detail` adds what the smaller picture lacks. That
is exact, so that an `ultra` begins with strokes twice as broad as those of a `fast` and as good as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.errors import BadFile, BadValue, ImpastoError
from engines.failures import any_failure_as
from engines.networks.picture_graph import LUMA
from engines.networks.transform.config import PRESETS, TransformConfig
from engines.networks.transform.net import StyledNorm, TransformNet, own_shares
from engines.style.card import as_name
from engines.style.styles import StyleFile, gallery_item, load_style, style_file_named
from trainers.run.licence import licence_of
from trainers.run.run_folder import sample_pictures
from trainers.run.saved_state import read_saved
from trainers.run.settling import settled_weights

DETAIL_SHARE = 0.6
MEASURED_PHOTOS = 12

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """Weights of a whole net, and the steps and settings of the runs that made them, the first one first."""

    tensors: Tensors
    history: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A net that was trained: its shape, its weights with the table `styles`, and the styles' names."""

    config: TransformConfig
    tensors: Tensors
    names: tuple[str, ...]
    history: list[dict[str, Any]]


def initial_weights(
    given: Path,
    config: TransformConfig,
    names: Sequence[str],
    photos: Sequence[Path] = (),
    vectors: Tensor | None = None,
) -> InitialWeights:
    """The weights in a checkpoint or style file for a net of this shape and these styles; BadFile if none fit.

    A style file may be named as the gallery names it. Styles that it has begin as they are there, others one after the
    other as its first, second and so on, or all as NAME, where FILE:NAME is given; as `vectors` [N, S] for the net in
    the file, where those are given. What norms measured that are settled from now on is taken from some of the photos.
    """
    path, named = _parted(given)

    def told(error: Exception) -> str:
        return (
            f"{path} is no checkpoint of a net that this one can begin with ({type(error).__name__}); "
            "give the checkpoint.pt or the style file of a run with the same --network"
        )

    with any_failure_as(BadFile, told, but=(ImpastoError, OSError)):
        file = style_file_named(path)
        learnt = _read_checkpoint(path) if file is None else _of_style_file(file)
        if learnt.config.settled and not config.settled:
            raise BadFile(f"{path} is of a net with settled norms, and this one's measure; give another --network")
        _check_named(path, named, learnt.names)
        if vectors is not None:
            learnt, named = replace(learnt, tensors=learnt.tensors | {"styles": vectors}, names=tuple(names)), None
        tensors = _fitted(learnt, config) | {"styles": _style_table(learnt, config, names, named)}
    if config.settled and not learnt.config.settled:
        measuring = TransformNet(replace(config, settled=False), len(names))
        measuring.load_state_dict(tensors)
        tensors = settled_weights(measuring, sample_pictures(photos, MEASURED_PHOTOS))
    return InitialWeights(tensors, learnt.history)


def begin_with(given: Path, net: nn.Module, photos: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """Gives a net of one style the weights in `given`, a style file or FILE:NAME, and tells the runs that made them.

    Without a name it is the style that is called as the file, or the first. BadFile where they are of another net;
    `photos` as in `initial_weights`.
    """
    path, named = _parted(given)
    if isinstance(net, TransformNet):
        begun = initial_weights(given, net.config, (named or path.stem,), photos)
        net.load_state_dict(begun.tensors)
        return begun.history
    with any_failure_as(
        BadFile, lambda error: f"{path} does not fit this --network ({error})", but=(BadValue, OSError)
    ):
        file = load_style(str(path))
        rows = {style.name: style.vector for style in file.card.styles}
        tensors = {place: torch.from_numpy(value.astype(np.float32)) for place, value in file.weights().items()}
        _check_named(path, named, tuple(rows))
        vector = rows.get(named or path.stem, next(iter(rows.values())))
        net.load_state_dict(tensors | {"styles": torch.tensor(np.array(vector))[None]})
        return _told_by(file)


def _check_named(path: Path, named: str | None, names: Sequence[str]) -> None:
    """BadValue where a style was named that is not there."""
    if named is not None and named not in names:
        raise BadValue(f"{path} has no style {named!r}; it has {', '.join(names)}")


def _parted(given: Path) -> tuple[Path, str | None]:
    """FILE:NAME as the file and the style, None where no style is named."""
    whole = str(given)
    file, colon, name = whole.rpartition(":")
    parted = colon and not given.exists() and (Path(file).exists() or gallery_item(file) is not None)
    return (Path(file), name) if parted else (given, None)


def _read_checkpoint(path: Path) -> _Learnt:
    saved = read_saved(path)
    earlier, settings = saved["history"], saved["options"]
    licence = licence_of(settings.get("licence", ""), earlier, saved.get("followed", ""))
    history = [*earlier, {"steps": saved["step"], "settings": settings, "licence": licence}]
    names = tuple(map(as_name, saved["styles"]))
    return _Learnt(_config_in(saved), saved["average"], names, history)


def _config_in(saved: Mapping[str, Any]) -> TransformConfig:
    """The shape of the net in the checkpoint of a run; one that does not say it is from before norms were settled."""
    if "shape" in saved:
        return TransformConfig.from_dict(saved["shape"])
    return replace(PRESETS[saved["options"]["network"]], settled=False)


def trained_net(file: StyleFile) -> TransformNet:
    """The transform net of a style file, with its styles; BadFile where it is another net's, or damaged."""
    if file.card.network.get("name") != "transform":
        raise BadFile(f"{file.path} has no transform net; give a style file of `impasto train johnson`")
    learnt = _of_style_file(file)
    net = TransformNet(learnt.config, styles=len(learnt.names))
    net.load_state_dict(learnt.tensors)
    return net


def _of_style_file(file: StyleFile) -> _Learnt:
    card = file.card
    tensors = {name: torch.from_numpy(value.astype(np.float32)) for name, value in file.weights().items()}
    tensors["styles"] = torch.from_numpy(np.stack([style.vector for style in card.styles]))
    config = TransformConfig.from_dict(card.network["config"])
    if not _holds(tensors, config):
        raise BadFile(
            f"{file.path} is damaged: it does not hold the net that its card tells of; get the style file again"
        )
    return _Learnt(config, tensors, card.names, _told_by(file))


def _told_by(file: StyleFile) -> list[dict[str, Any]]:
    """The run that made a style file, with the licence of what came out."""
    return [{**file.card.training, "licence": file.card.licence}]


def _holds(tensors: Tensors, config: TransformConfig) -> bool:
    """Whether these are the weights of such a net; nothing of what the shape claims is allocated."""
    if len(config.widths) + config.blocks + config.refine_blocks > len(tensors):
        return False
    with torch.device("meta"):  # where tensors have shapes and no values
        claimed = TransformNet(config, len(tensors["styles"])).state_dict()
    return all(name in tensors and tensors[name].shape == value.shape for name, value in claimed.items())


def _fitted(learnt: _Learnt, config: TransformConfig) -> Tensors:
    """Every weight of a net of this shape but the table of styles; KeyError or RuntimeError where they do not fit."""
    tensors = dict(learnt.tensors)
    net = TransformNet(config)
    if config.unshuffle == 2 * learnt.config.unshuffle and config.detail:
        tensors |= _at_half_size(tensors, learnt.config)
    own = {name: tensors[_old_name(name, learnt.config, config)] for name in net.state_dict() if name != "styles"}
    net.load_state_dict(own | {"styles": net.styles})
    return own


def _old_name(name: str, old: TransformConfig, new: TransformConfig) -> str:
    """Where a weight of the new net was in the old one, which may have had more blocks."""
    group, *rest = name.split(".")
    if group != "blocks":
        return name
    return ".".join([group, str(int(rest[0]) + old.blocks - new.blocks), *rest[1:]])


def _at_half_size(tensors: Tensors, old: TransformConfig) -> Tensors:
    """Stem, head and `detail` of a net that paints a picture of half the height and width, and enlarges the result."""
    halving = _halving(old.unshuffle)
    doubling = 4 * halving.T  # each small pixel four times
    rest = torch.eye(len(doubling)) - doubling @ halving
    return {
        "down.0.weight": torch.einsum("osyx,sp->opyx", tensors["down.0.weight"], halving),
        "head.weight": torch.einsum("ps,scyx->pcyx", doubling, tensors["head.weight"]),
        "head.bias": doubling @ tensors["head.bias"],
        "detail.weight": (_luma_of(len(doubling) // 3) @ rest)[:, :, None, None],
    }


def _halving(factor: int) -> Tensor:
    """[3·f², 3·(2f)²]: a folded picture's channels, colour first, as means of 2 × 2 of those of one twice as large."""
    place = torch.arange(2 * factor)
    mean = torch.zeros(factor, 2 * factor)
    mean[place // 2, place] = 0.5
    return torch.kron(torch.eye(3), torch.kron(mean, mean))


def _luma_of(places: int) -> Tensor:
    """[3·places, 3·places]: the luma of every place, for each of its colours, or edges would take the photo's."""
    return torch.kron(torch.tensor(LUMA).repeat(3, 1), torch.eye(places))


def _style_table(learnt: _Learnt, config: TransformConfig, names: Sequence[str], named: str | None) -> Tensor:
    """[N, S] for the new net's styles; those that are not known begin as the one that is `named`, where one is."""
    old, known = _norms(learnt.config), {name: row for row, name in enumerate(learnt.names)}
    rows = [known.get(name, at if named is None else known[named]) for at, name in enumerate(names)]
    table = learnt.tensors["styles"][torch.tensor(rows) % len(learnt.names)]
    parts = []
    for name, norm in _norms(config).items():
        found = old.get(_old_name(name, learnt.config, config))
        if found is None:
            parts += [torch.full((len(rows), norm.channels), DETAIL_SHARE), torch.zeros(len(rows), norm.channels)]
        else:
            parts += [table[:, found.scale_at], table[:, found.shift_at]]
    return torch.cat([*parts, *_shares(learnt.config, config, table)], dim=1)


def _shares(old: TransformConfig, new: TransformConfig, table: Tensor) -> list[Tensor]:
    """[N, K]: how much of each texture, where the new net has several; what the old one had not nobody takes yet."""
    if len(new.textures) == 1:
        return []
    known = dict(zip(old.textures, own_shares(old, table).T, strict=True))
    return [torch.stack([known.get(name, table.new_zeros(len(table))) for name in new.textures], dim=1)]


def _norms(config: TransformConfig) -> dict[str, StyledNorm]:
    """By name, in the order of the style vector."""
    norms = {name: module for name, module in TransformNet(config).named_modules() if isinstance(module, StyledNorm)}
    return dict(sorted(norms.items(), key=lambda named: named[1].scale_at.start))
