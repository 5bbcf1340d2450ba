"""Names of keys, from the codes that `cv2.waitKeyEx` and `cv2.pollKey` give on each system's windows.

OpenCV hands out what the window system calls a key: X11 keysyms with Qt and GTK (X11/keysymdef.h), virtual key codes
in the upper 16 bits on Windows, and Unicode's private area on macOS (NSEvent.h). The ranges do not meet, so one map
serves all.
"""

X11_KEYS = {
    0xFF08: "backspace", 0xFF09: "tab", 0xFF0D: "enter", 0xFF1B: "escape",
    0xFF51: "left", 0xFF52: "up", 0xFF53: "right", 0xFF54: "down",
    0xFF96: "left", 0xFF97: "up", 0xFF98: "right", 0xFF99: "down",
    0xFF8D: "enter", 0xFFAB: "+", 0xFFAD: "-", 0xFFFF: "delete",
    **{0xFFB0 + digit: str(digit) for digit in range(10)},
    **{0xFFBE + number: f"f{number + 1}" for number in range(12)},
}  # fmt: skip
MACOS_KEYS = {
    0xF700: "up", 0xF701: "down", 0xF702: "left", 0xF703: "right", 0xF728: "delete",
    **{0xF704 + number: f"f{number + 1}" for number in range(12)},
}  # fmt: skip
WINDOWS_KEYS = {
    0x25: "left", 0x26: "up", 0x27: "right", 0x28: "down", 0x2E: "delete",
    **{0x70 + number: f"f{number + 1}" for number in range(12)},
}  # fmt: skip
NAMED_CHARACTERS = {8: "backspace", 9: "tab", 10: "enter", 13: "enter", 27: "escape", 32: "space", 127: "backspace"}
NO_KEY = -1


def key_name(code: int) -> str | None:
    """ "s", "+", "space", "left" or "f11"; None for no key, and for one that has no name here.

    Letters are small, whether shift or caps lock is on or not.
    """
    if code == NO_KEY:
        return None
    code &= 0xFFFFFFFF
    low = code & 0xFFFF  # GTK puts shift, control and num lock above these
    if low == 0:
        return WINDOWS_KEYS.get(code >> 16)
    if low in NAMED_CHARACTERS:
        return NAMED_CHARACTERS[low]
    if low < 127:
        return chr(low).lower() if low > 32 else None
    return X11_KEYS.get(low) or MACOS_KEYS.get(low)
