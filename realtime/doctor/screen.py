"""Whether `impasto live` can open its window here."""

from realtime.commands.border import in_one_line
from realtime.doctor.finding import Finding, State, missing

SUBJECT = "window"


def look_at_display() -> list[Finding]:
    """A machine without a display paints into files and cameras just as well."""
    try:
        from realtime.window.display import look_for_display
    except ImportError as error:  # OpenCV, for want of a library of the system
        return [missing(SUBJECT, in_one_line(error), State.NO)]
    from engines.errors import ImpastoError

    try:
        width, height = look_for_display()
    except ImpastoError as error:
        return [missing(SUBJECT, error)]
    return [
        Finding(SUBJECT, State.YES, f"can be opened on a screen of {width}x{height}", facts={"size": [width, height]})
    ]
