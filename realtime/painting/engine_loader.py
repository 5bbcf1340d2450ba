"""Engines for a picture that is already moving: found, built and warmed up in the background, one wish at a time."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import in_one_line
from engines.failures import failure_of, on_failure
from engines.loading.engine import Controls, Engine, EngineChoice, load_engine, restore_engine
from engines.loading.prepare import prepare_in_child
from engines.loading.range_engine import restore_range_engine
from engines.spec import ANY_ENGINE
from engines.style.styles import StyleFile
from realtime.painting.steady.texture import TexturesAhead

KEPT_ENGINES = 2
# Two engines for 1280x720: what an engine holds grows with its picture, to some 70 MB for the gallery's net there.
KEPT_PX = 2 * 1280 * 720
CLOSE_SECONDS = 0.5
GREY = 128
WITHOUT_CACHE = "without a cache the engine is built in this process, and the picture may stand still meanwhile"


@dataclass(frozen=True, slots=True, eq=False)
class EngineWanted:
    """An engine for this style file and pictures of this size in pixels."""

    file: StyleFile
    height: int
    width: int
    choice: EngineChoice = ANY_ENGINE

    @property
    def key(self) -> tuple[object, ...]:
        """What two wishes for one engine have in common: the file is known by its contents."""
        return self.file.sha256, self.height, self.width, self.choice


@dataclass(frozen=True, slots=True, eq=False)
class LoadedEngine:
    """An engine that has painted its first frame; whoever takes it closes it or gives it back.

    One for `meanwhile` takes many sizes; the one for this size alone is being built, and will be handed out too.
    """

    wanted: EngineWanted
    engine: Engine
    meanwhile: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LoadFailed:
    """No engine; `message` is one line for people."""

    wanted: EngineWanted
    message: str


@dataclass(slots=True, eq=False)
class _Job:
    """A wish that the thread is at; `bridged` tells that something paints meanwhile."""

    wanted: EngineWanted
    bridged: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


class EngineLoader:
    """One background thread that fulfils the newest wish.

    `ask` drops an older wish, and ends the child that is building for it. Where an engine has to be built and the cache
    holds one for a range of sizes, that is handed out first, and the built one when it is ready. `take` is for a thread
    that paints: neither ever waits for work. Engines that come back by `give_back` are kept for a while, so that
    returning to what was left a moment ago is instant, and are closed on the background thread. `report` is called
    there too, and where there is nothing to do, the seed textures of the net are drawn.
    """

    def __init__(self, report: Callable[[str], None], *, cache_dir: Path | None = None) -> None:
        self._report, self._cache_dir = report, cache_dir
        self._changed = threading.Condition()
        self._waiting: EngineWanted | None = None
        self._job: _Job | None = None
        self._done: LoadedEngine | LoadFailed | None = None
        self._kept: list[LoadedEngine] = []  # the one that came back last stands last
        self._surplus: list[LoadedEngine] = []
        self._textures = TexturesAhead()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="impasto-engines", daemon=True)
        self._thread.start()

    def ask(self, wanted: EngineWanted) -> None:
        """Wish for an engine; `take` will hand it out. Asking again for what is being loaded changes nothing."""
        with self._changed:
            self._waiting = None
            if self._job is None or self._job.wanted.key != wanted.key or self._job.cancelled.is_set():
                self._drop_what_is_done()
                self._waiting = wanted
                self._cancel_job()
            self._changed.notify_all()

    def take(self) -> LoadedEngine | LoadFailed | None:
        """What came of the newest wish, once; None while there is nothing."""
        with self._changed:
            done, self._done = self._done, None
            return done

    def give_back(self, loaded: LoadedEngine) -> None:
        """An engine that no frame is in, and that may be wanted again."""
        with self._changed:
            if not self._closed:
                self._keep(loaded)
                self._changed.notify_all()
                return
        loaded.engine.close()

    def close(self) -> None:
        """End the thread and its child, and close every engine that is here.

        A child is ended at once. What cannot be interrupted, as restoring an engine, is waited for half a second; the
        thread then ends by itself a moment later, or with the process.
        """
        with self._changed:
            self._closed = True
            self._waiting = None
            self._cancel_job()
            self._changed.notify_all()
        self._thread.join(CLOSE_SECONDS)

    def _cancel_job(self) -> None:
        if self._job is not None:
            self._job.cancelled.set()

    def _drop_what_is_done(self) -> None:
        if isinstance(self._done, LoadedEngine):
            self._keep(self._done)
        self._done = None

    def _keep(self, loaded: LoadedEngine) -> None:
        if loaded.meanwhile:
            self._surplus.append(loaded)
            return
        self._kept.append(loaded)
        while len(self._kept) > KEPT_ENGINES or sum(map(_pixels, self._kept)) > KEPT_PX:
            self._surplus.append(self._kept.pop(0))

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            try:
                self._hand_over(job, self._load(job))
            except Exception as error:  # the thread's border; runtimes fail in every possible way
                self._hand_over(job, LoadFailed(job.wanted, in_one_line(error)))
        self._close_all()

    def _next_job(self) -> _Job | None:
        """Waits for a wish, closing engines and drawing textures meanwhile; None when it is time to end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting or self._surplus or self._textures)
                surplus, self._surplus = self._surplus, []
                if self._closed or (self._waiting and not surplus):
                    self._surplus = surplus
                    return self._begin()
            _close(surplus)
            self._textures.draw_one()

    def _begin(self) -> _Job | None:
        wanted, self._waiting = self._waiting, None
        self._job = _Job(wanted) if wanted is not None and not self._closed else None
        return self._job

    def _load(self, job: _Job) -> LoadedEngine | None:
        """The engine that was wished for, warmed up; None where it is not wanted any more."""
        if (kept := self._take_kept(job.wanted)) is not None:
            return kept
        engine = self._restore_or_prepare(job)
        if engine is None:
            return None
        with on_failure(engine.close):
            _warm_up(engine, job.wanted.file)
        return LoadedEngine(job.wanted, engine)

    def _take_kept(self, wanted: EngineWanted) -> LoadedEngine | None:
        with self._changed:
            found = next((loaded for loaded in self._kept if loaded.wanted.key == wanted.key), None)
            if found is not None:
                self._kept.remove(found)
            return found

    def _restore_or_prepare(self, job: _Job) -> Engine | None:
        """What is not in the cache is built there by a child; in this process only where there can be no cache."""
        arguments = _arguments(job.wanted, self._cache_dir)
        engine = restore_engine(job.wanted.file, **arguments, report=self._report)
        if engine is not None:
            return engine
        self._bridge(job)
        spec = prepare_in_child(job.wanted.file, **arguments, on_line=self._report, cancelled=job.cancelled)
        if spec is None:
            return None
        taken = replace(job.wanted.choice, backend=spec.backend, precision=spec.asked_for)
        chosen = arguments | {"choice": taken}
        engine = restore_engine(job.wanted.file, **chosen, report=lambda line: None)  # the child has told it
        if engine is None and not job.cancelled.is_set():
            self._report(WITHOUT_CACHE)
            engine = load_engine(job.wanted.file, **chosen, report=self._report)
        if engine is not None:
            engine.spec = replace(engine.spec, passed_over=spec.passed_over)  # none by name
        return engine

    def _bridge(self, job: _Job) -> None:
        """Hands out an engine for a range of sizes, where the cache has one, to paint with while another is built."""
        engine = restore_range_engine(job.wanted.file, **_arguments(job.wanted, self._cache_dir), report=self._report)
        if engine is None:
            return
        error = failure_of(lambda: _warm_up(engine, job.wanted.file))
        if error is not None:  # no matter, for a better engine is on its way
            engine.close()
            self._report(f"the engine for {engine.spec.size_range} cannot paint meanwhile ({in_one_line(error)})")
            return
        job.bridged = True
        self._hand_out(job, LoadedEngine(job.wanted, engine, meanwhile=True))
        while self._textures and not job.cancelled.is_set():
            self._textures.draw_one()

    def _hand_over(self, job: _Job, result: LoadedEngine | LoadFailed | None) -> None:
        """The end of a job. What cannot be built is no failure where something paints already."""
        stays = job.bridged and isinstance(result, LoadFailed)
        with self._changed:
            self._job = None
            if result is not None and not stays:
                self._hand_out(job, result)
        if stays and isinstance(result, LoadFailed) and not job.cancelled.is_set():
            self._report(f"the engine for many sizes stays in use: {result.message}")

    def _hand_out(self, job: _Job, result: LoadedEngine | LoadFailed) -> None:
        with self._changed:
            if not job.cancelled.is_set():
                self._drop_what_is_done()
                self._done = result
                if isinstance(result, LoadedEngine):
                    self._textures.expect(job.wanted.file)
            elif isinstance(result, LoadedEngine):
                self._keep(result)

    def _close_all(self) -> None:
        with self._changed:
            self._drop_what_is_done()
            engines = [*self._kept, *self._surplus]
            self._kept, self._surplus = [], []
        _close(engines)


def _close(engines: Iterable[LoadedEngine]) -> None:
    for loaded in engines:
        loaded.engine.close()


def _pixels(loaded: LoadedEngine) -> int:
    return loaded.wanted.height * loaded.wanted.width


def _arguments(wanted: EngineWanted, cache_dir: Path | None) -> dict[str, Any]:
    return {"height": wanted.height, "width": wanted.width, "choice": wanted.choice, "cache_dir": cache_dir}


def _warm_up(engine: Engine, file: StyleFile) -> None:
    """The first frame through a net is slow, for memory is found and kernels are chosen then."""
    grey = np.full((engine.spec.height, engine.spec.width, 3), GREY, np.uint8)
    engine(grey, Controls(file.vector(file.default)))
