"""Which of two nets of the same styles paints: the one of a style file, or the fine one beside it."""

import logging
from collections.abc import Callable, Collection, Iterable

from engines.errors import BadValue, ImpastoError, in_one_line
from engines.names import AUTO
from engines.style.fine_net import fine_net_of, holds, is_fine
from engines.style.picture_name import FINE as FINE_SUFFIX
from engines.style.styles import StyleFile
from realtime.painting.options import FAST, FINE, NETS, OWN
from realtime.painting.other_texture import has_texture

logger = logging.getLogger("impasto")


def net_of(
    file: StyleFile, names: Iterable[str], net: str, *, texture: str = OWN, patient: Callable[[], bool]
) -> StyleFile:
    """The style file that paints these styles of `file`: that one, or its fine net, chosen as in `wanted_fine_net`.

    BadValue where the fine one was asked for and lacks a style, or the `texture` that strokes are to grow from. A
    picture that was made a style is always painted by the net that read it.
    """
    fine = wanted_fine_net(file, net, patient=patient)
    if fine is None:
        return file
    names = tuple(names)
    lacking = lacking_in(fine, [(file, name) for name in names], texture)
    if not lacking:
        return fine
    if net == FINE:
        why = ", for pictures are read for the other net" if not file.further.keys().isdisjoint(names) else ""
        raise BadValue(f"--net fine: {fine.path.name} has no {lacking[0]}{why}; choose --net auto or fast")
    return file


def lacking_in(
    fine: StyleFile, styles: Iterable[tuple[StyleFile, str]], texture: str, learnt: Collection[str] = ()
) -> list[str]:
    """What a fine net has not of these styles, each with its file, and this texture, as in `style 'waves'`.

    The vectors of those that were `learnt` since are of the other net.
    """
    lacking = [f"style {name!r}" for file, name in styles if name in learnt or not holds(fine, file, name)]
    return lacking if has_texture(fine, texture) else [*lacking, f"texture {texture!r}"]


def wanted_fine_net(file: StyleFile, net: str, *, patient: Callable[[], bool]) -> StyleFile | None:
    """The fine net beside the file, if that is to paint. `net` is auto, fast or fine.

    With auto it is, where whoever waits is `patient`, which is only asked where there is one; one that cannot be read
    is logged and left out then. BadValue where it was asked for by name and is not there.
    """
    if net not in (AUTO, *NETS):
        raise BadValue(f"there is no net {net!r}; choose auto or one of {', '.join(NETS)}")
    if net == FAST or is_fine(file):
        return None
    try:
        fine = fine_net_of(file)
    except (ImpastoError, OSError) as error:
        if net == FINE:
            raise
        logger.warning("the fine net beside %s is left out: %s", file.path.name, in_one_line(error))
        return None
    if fine is None and net == FINE:
        name = file.path.stem + FINE_SUFFIX
        raise BadValue(
            f"--net fine: beside {file.path.name} there is no {name}; choose --net auto or fast, or train it"
        )
    return fine if fine is not None and (net == FINE or patient()) else None
