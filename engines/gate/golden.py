"""Golden frames: the pictures on which an engine has to agree with the reference.

Nothing that builds or calibrates an engine sees them: the exam is not the lesson. What each of them finds is told where
they are made, in tests/make_engine_pictures.py.
"""

from pathlib import Path

from engines.pictures import PictureSet

GOLDEN = PictureSet(
    Path(__file__).with_name("pictures"),
    ("picture.png", "bright.png", "faces.jpg", "scene.jpg", "dark.png", "flat.png", "noise.png", "backlit.jpg"),
    wall="flat",
)
