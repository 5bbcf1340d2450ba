"""How frames are to be painted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeOptions:
    """What a person may choose about the painting itself.

    `style` names a style of the gallery, a style file, or FILE:NAME; `mix` ("A=0.3,B=0.7") takes its place,
    with bare names looked for in that style's file.
    `strength` and `keep_colour` are 0..1. `height` is the height in pixels at which the net paints and the result is
    written; None keeps the input's. With `strict` an engine that is refused ends the work, and no other is tried;
    with `verbose` all is told that was passed over, engines for a GPU too where there is none.
    """

    style: str = "starry_night"
    mix: str | None = None
    strength: float = 1.0
    keep_colour: float = 0.0
    height: int | None = None
    engine: str = "auto"
    precision: str = "auto"
    strict: bool = False
    verbose: bool = False
    overwrite: bool = True
