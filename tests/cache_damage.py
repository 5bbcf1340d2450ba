"""What can happen to an entry of the engine cache: each function does it to the only one in a cache."""

import re
from pathlib import Path

from engines.cache.folder import CacheEntry, EngineCache


def entry_in(cache: EngineCache) -> Path:
    (path,) = cache.folder.iterdir()
    return path


def truncate(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(entry_in(cache).read_bytes()[:-1])


def keep_the_beginning_alone(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(entry_in(cache).read_bytes()[:40])


def empty(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(b"")


def flip_a_bit_of_the_engine(cache: EngineCache) -> None:
    _flip(cache, -1)


def flip_a_bit_of_the_signature(cache: EngineCache) -> None:
    _flip(cache, 10)


def append(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(entry_in(cache).read_bytes() + b"more")


def improve_the_verdict(cache: EngineCache) -> None:
    content = entry_in(cache).read_bytes()
    better = re.sub(rb'"psnr_db": "[\d.inf]+"', b'"psnr_db": "99.9"', content)
    assert better != content
    entry_in(cache).write_bytes(better)


def put_a_foreign_file(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(b"\x89PNG\r\n\x1a\n")


def put_another_entry_in_its_place(cache: EngineCache) -> None:
    """One that is signed with the right key."""
    path = entry_in(cache)
    header = cache.entries()[0].header
    assert header is not None
    other = {**header.fields, "style": "another"}
    cache.store(other, CacheEntry(b"compiled", header.gate))
    cache.path_of(other).replace(path)


def _flip(cache: EngineCache, where: int) -> None:
    content = bytearray(entry_in(cache).read_bytes())
    content[where] ^= 1
    entry_in(cache).write_bytes(content)


DAMAGES = [
    truncate,
    keep_the_beginning_alone,
    empty,
    flip_a_bit_of_the_engine,
    flip_a_bit_of_the_signature,
    append,
    improve_the_verdict,
    put_a_foreign_file,
    put_another_entry_in_its_place,
]
