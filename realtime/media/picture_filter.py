"""Filter graphs that put an unusual picture right before it is painted: fields to whole frames, HDR to SDR."""

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph

from realtime.media.colour.rgb import ColourTags
from realtime.media.colour.tone_map import write_table


class PictureFilters:
    """Decoded frames in, the same out but for what is unusual, through a filter from the first one on that needs it.

    `report` is told in a line what is done.
    """

    def __init__(self, time_base: Fraction, report: Callable[[str], None]) -> None:
        self._time_base, self._report = time_base, report
        self._filter: PictureFilter | None = None

    def push(self, frame: av.VideoFrame) -> list[av.VideoFrame]:
        """What comes out after this frame; a frame may wait for the one after it."""
        before = [] if self._filter is None or self._filter.fits(frame) else self.rest()
        self._filter = self._filter or self._filter_for(frame)
        return before + (self._filter.push(frame) if self._filter else [frame])

    def rest(self) -> list[av.VideoFrame]:
        """What still waits; the next frame begins anew."""
        picture_filter, self._filter = self._filter, None
        return picture_filter.push(None) if picture_filter else []

    def _filter_for(self, frame: av.VideoFrame) -> "PictureFilter | None":
        tags = ColourTags.of(frame)
        if frame.interlaced_frame:
            self._report("interlaced: deinterlaced with bwdif, one frame for each frame")
        if tags.is_hdr:
            self._report("HDR: tone-mapped to 8-bit BT.709")
        if not frame.interlaced_frame and not tags.is_hdr:
            return None
        return PictureFilter(
            frame,
            self._time_base,
            deinterlace=frame.interlaced_frame,
            hdr_transfer=tags.transfer if tags.is_hdr else None,
        )


class PictureFilter:
    """Decoded frames of one size and format in, as many frames out, in order and with their times."""

    def __init__(
        self, template: av.VideoFrame, time_base: Fraction, *, deinterlace: bool, hdr_transfer: int | None
    ) -> None:
        self._time_base = time_base
        self._shape = _shape(template)
        self._graph = Graph()
        with tempfile.TemporaryDirectory() as folder:
            self._build(template, deinterlace, hdr_transfer, Path(folder))

    def fits(self, frame: av.VideoFrame) -> bool:
        """Whether the frame has the size and format this filter was made for."""
        return self._shape == _shape(frame)

    def push(self, frame: av.VideoFrame | None) -> list[av.VideoFrame]:
        """What comes out after this frame; None, at the end, brings what was still inside."""
        self._graph.vpush(frame)
        out: list[av.VideoFrame] = []
        while True:
            try:
                out.append(self._in_time_base(self._graph.vpull()))
            except (av.BlockingIOError, av.EOFError):
                return out

    def _build(self, template: av.VideoFrame, deinterlace: bool, hdr_transfer: int | None, folder: Path) -> None:
        graph = self._graph
        steps = [
            graph.add(
                "buffer",
                video_size=f"{template.width}x{template.height}",
                pix_fmt=template.format.name,
                time_base=str(self._time_base),
                colorspace=str(template.colorspace),
                range=str(template.color_range),
            )
        ]
        if deinterlace:
            # One frame for each frame, not for each field: the times stay those of the file.
            steps.append(graph.add("bwdif", mode="send_frame", deint="interlaced"))
        if hdr_transfer is not None:
            table = folder / "to_sdr.cube"
            write_table(table, hdr_transfer)
            steps.append(graph.add("scale", in_color_matrix="bt2020", flags="bicubic+accurate_rnd"))
            steps.append(graph.add("format", pix_fmts="gbrp10le"))
            steps.append(graph.add("lut3d", file=str(table), interp="tetrahedral"))
            steps.append(graph.add("format", pix_fmts="gbrp"))
        steps.append(graph.add("buffersink"))
        graph.link_nodes(*steps).configure()

    def _in_time_base(self, frame: av.VideoFrame) -> av.VideoFrame:
        """bwdif counts in half ticks."""
        if frame.pts is not None and frame.time_base is not None:
            frame.pts = round(frame.pts * frame.time_base / self._time_base)
            frame.duration = round(frame.duration * frame.time_base / self._time_base)
        frame.time_base = self._time_base
        return frame


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
