"""Python reads this first in every process that the tests start: it sees the processor that they pretend to have."""

import os

if pretended := os.environ.get("PRETENDED_PRECISION"):
    from pretended_processor import pretend_from_the_start

    pretend_from_the_start(pretended)
