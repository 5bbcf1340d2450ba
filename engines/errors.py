"""Errors that are meant for people: one line that says what, the value and the remedy."""


class ImpastoError(Exception):
    """The work cannot be done; the message is one line for the person at the terminal."""


class EngineRefused(ImpastoError):
    """An engine cannot run here, or did not agree with the fp32 reference."""
