"""The loop of the tutorials: OpenCV reads, torch paints eagerly in fp32 with the same weights, OpenCV writes."""

import time
from pathlib import Path

import numpy as np

from engines.backends.torch_eager import rebuild_net
from engines.errors import ImpastoError
from engines.verify import psnr
from realtime.bench.subject import Subject, painting_options
from realtime.painting import choose_style

FOURCC = "mp4v"
COMPARED_FRAMES = 8


class TutorialLoop:
    """One frame after the other on one thread, as written down in a hundred repositories."""

    def __init__(self, subject: Subject) -> None:
        """Rebuilds the torch net from the style file; ImpastoError where torch is not installed."""
        self._subject = subject
        file, vector = choose_style(painting_options(subject.options))
        try:
            import torch
        except ModuleNotFoundError as error:
            raise ImpastoError("--peers needs torch; install it with: pip install 'impasto[train]'") from error
        self._net = rebuild_net(file)
        self._style = torch.from_numpy(vector.copy())[None]

    def paint(self, rgb: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB in and out."""
        import torch

        with torch.inference_mode():
            picture = torch.from_numpy(rgb).permute(2, 0, 1).float().div(255)[None]
            painted = self._net(picture, self._style)[0].clamp(0, 1).mul(255).round()
            array: np.ndarray = painted.permute(1, 2, 0).byte().numpy()
        return array

    def fps(self, output: Path) -> float:
        """Frames a second from file to file, at the size that our own rows have."""
        import cv2

        spec = self._subject.stylizer.engine.spec
        size = spec.width, spec.height
        reader = cv2.VideoCapture(str(self._subject.clip))
        writer = cv2.VideoWriter(str(output), cv2.VideoWriter.fourcc(*FOURCC), reader.get(cv2.CAP_PROP_FPS) or 25, size)
        count, started = 0, time.perf_counter()
        while count < self._subject.options.frames:
            found, frame = reader.read()
            if not found:
                break
            rgb = cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_BGR2RGB)
            writer.write(cv2.cvtColor(self.paint(rgb), cv2.COLOR_RGB2BGR))
            count += 1
        writer.release()
        reader.release()
        return count / (time.perf_counter() - started)

    def agreement_db(self) -> float:
        """The least PSNR between our frames and this loop's, on the same decoded frames, before encoding."""
        stylizer = self._subject.stylizer
        frames = self._subject.frames(COMPARED_FRAMES)
        return min(psnr(stylizer(frame).data, self.paint(frame.data)) for frame in frames)
