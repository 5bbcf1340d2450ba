"""The peers of one style at one size, which take their turns beside ours."""

from collections.abc import Callable
from dataclasses import dataclass

from engines.errors import ImpastoError
from realtime.bench.inputs.subject import Subject
from realtime.bench.peers.peers import PEERS
from realtime.bench.peers.tutorial import PeerLoop


@dataclass(frozen=True, slots=True)
class PeerTurn:
    """Milliseconds of every frame in a peer's net, and its frames a second from file to file.

    `agreement_db` is the PSNR between its pictures and ours; it took `open_seconds` to its first pictures.
    """

    net_ms: list[float]
    fps: float
    agreement_db: float
    open_seconds: float


class OpenPeers:
    """All peers that can run, and in `silent` why the others cannot; `latest` is what the last turn measured."""

    def __init__(self, subject: Subject, report: Callable[[str], None]) -> None:
        self._loops: list[PeerLoop] = []
        self.silent: dict[str, str] = {}
        self.latest: dict[str, PeerTurn] = {}
        for name in PEERS:
            try:
                self._loops.append(PeerLoop(name, subject))
            except ImpastoError as error:
                self.silent[name] = str(error)
                report(f"no {name}: {error}")

    def take_turn(self, subject: Subject) -> None:
        """Measures every peer once."""
        self.latest = {
            loop.name: PeerTurn(
                loop.net_ms(subject), loop.fps(subject, subject.bench.painted), loop.agreement_db, loop.open_seconds
            )
            for loop in self._loops
        }
