"""ICC profiles of pictures: which of them are those of RGB pixels, and how a JPEG file holds a long one."""

RGB_SPACE = b"RGB "
# Where the header tells for what pixels a profile is, and the signature of a profile (ICC.1:2022, section 7.2).
SPACE, SIGNATURE = slice(16, 20), slice(36, 40)
JPEG_NAME = b"ICC_PROFILE\0"
MOST_IN_SEGMENT = 65_519  # bytes beside the name and two numbers
MOST_SEGMENTS = 255
START, APP0, APP1, APP2 = b"\xff\xd8", b"\xff\xe0", b"\xff\xe1", b"\xff\xe2"


def other_space(profile: bytes) -> str:
    """For what pixels the profile is, such as CMYK; "" for RGB, and where it tells nothing."""
    space = profile[SPACE]
    if profile[SIGNATURE] != b"acsp" or space == RGB_SPACE:
        return ""
    return space.decode("ascii", "replace").strip()


def jpeg_with_profile(jpeg: bytes, profile: bytes) -> bytes:
    """The file's bytes with the profile in as many segments as it takes (ICC.1:2022, annex B.4).

    OpenCV writes one segment alone, and so no profile of more than 64 KiB; the file as it was where it is too long even
    so. EXIF stays before it: some look for that in the first 64 KiB alone.
    """
    pieces = [profile[start : start + MOST_IN_SEGMENT] for start in range(0, len(profile), MOST_IN_SEGMENT)]
    if len(pieces) > MOST_SEGMENTS or not jpeg.startswith(START):
        return jpeg
    place = len(START)
    for kind in (APP0, APP1):  # JFIF and EXIF
        if jpeg.startswith(kind, place):
            place += len(kind) + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    segments = [_segment(JPEG_NAME + bytes((n, len(pieces))) + piece) for n, piece in enumerate(pieces, start=1)]
    return jpeg[:place] + b"".join(segments) + jpeg[place:]


def _segment(content: bytes) -> bytes:
    return APP2 + (len(content) + 2).to_bytes(2, "big") + content
