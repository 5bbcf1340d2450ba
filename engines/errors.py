"""Errors that are meant for people: one line that says what, the value and the remedy."""


class ImpastoError(Exception):
    """The work cannot be done; the message is one line for the person at the terminal."""


class EngineRefused(ImpastoError):
    """An engine cannot run here, or did not agree with the fp32 reference."""


DEBUG_VARIABLE = "IMPASTO_DEBUG"
LONGEST_CAUSE = 300  # characters
# The libraries that opencv-python takes from the system, which a small Debian does not have.
OPENCV_LIBRARIES = ("libGL.so", "libglib-2.0.so", "libgthread-2.0.so")


def in_one_line(error: BaseException, hint: str = "") -> str:
    """What happened, for a person.

    Our own errors, and the builtins that carry a message, say it themselves. Of all others the type is told, the last
    line of what they say (that of a runtime runs over many, and the cause stands at the end), and the `hint`.
    """
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    if isinstance(error, ImportError) and any(library in text for library in OPENCV_LIBRARIES):
        return f"OpenCV cannot be loaded ({text}); on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
    if isinstance(error, MemoryError):
        return "there is not enough memory; try a smaller --height"
    if isinstance(error, ImpastoError) and text:
        return text
    cause = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
    if isinstance(error, (OSError, ValueError, ModuleNotFoundError)) and cause:
        return f"{cause:.{LONGEST_CAUSE}}"
    return (f"{type(error).__name__}: {cause:.{LONGEST_CAUSE}}" if cause else type(error).__name__) + hint
