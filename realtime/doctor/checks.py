"""The checks by name, and which of them share a process.

What shares one is what takes little to load, or loads the same. A check of one engine is called `speed openvino`.
"""

from collections.abc import Callable, Sequence

from engines.packages import Place
from realtime.doctor.finding import Finding

Report = Callable[[str], None]
CHECKS = {
    "system": "realtime.doctor.subjects.machine:look_at_system",
    "processor": "realtime.doctor.subjects.machine:look_at_processor",
    "memory": "realtime.doctor.subjects.machine:look_at_memory",
    "graphics": "realtime.doctor.subjects.graphics:look_at_graphics",
    "engine": "realtime.doctor.subjects.engines:look_at_engine",
    "cached": "realtime.doctor.subjects.storage:look_at_cached_engines",
    "speed": "realtime.doctor.subjects.engines:measure_speed",
    "cache": "realtime.doctor.subjects.storage:look_at_cache",
    "gallery": "realtime.doctor.subjects.storage:look_at_gallery",
    "codecs": "realtime.doctor.subjects.video:look_at_codecs",
    "hardware": "realtime.doctor.subjects.video:look_at_hardware",
    "srt": "realtime.doctor.subjects.video:look_at_srt",
    "sound": "realtime.doctor.subjects.screen_and_sound:look_at_sound",
    "cameras": "realtime.doctor.subjects.cameras:look_at_cameras",
    "virtual": "realtime.doctor.subjects.cameras:look_at_virtual_cameras",
    "display": "realtime.doctor.subjects.screen_and_sound:look_at_display",
    "software": "realtime.doctor.subjects.software:look_at_software",
}
GROUPS = (
    ("gallery", "virtual"),
    ("codecs", "sound", "srt", "hardware"),
    ("display",),
    ("system", "processor", "memory", "software", "cameras", "graphics"),
)
SECTIONS = {
    "machine": ("system", "processor", "memory"),
    "graphics": ("graphics",),
    "engines": ("engine",),
    "speed": ("speed",),
    "engine cache": ("cache", "cached"),
    "styles": ("gallery",),
    "video": ("codecs", "hardware", "srt"),
    "cameras": ("cameras", "virtual"),
    "display and sound": ("display", "sound"),
    "software": ("software",),
}


def run_check(name: str, report: Report) -> Sequence[Finding]:
    """What the check finds. `report` hears what goes on where that takes long."""
    kind, _, argument = name.partition(" ")
    check: Callable[..., Sequence[Finding]] = Place(CHECKS[kind]).load()
    return check(argument, report) if argument else check()
