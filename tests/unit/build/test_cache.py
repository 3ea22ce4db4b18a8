"""The cache of steps: what it keeps, and what goes first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry.build.cache import Cache, Cached, CacheRow, Pruning
from wherry.store import Store
from wherry.store.tar import Kind, TarEntry

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(str(tmp_path / "state"), driver="overlay")
    yield opened
    opened.close()


@pytest.fixture
def cache(store: Store, tmp_path: Path) -> Cache:
    return Cache(store, str(tmp_path / "mounts"))


def _add(store: Store, cache: Cache, key: str, size: int = MIB) -> None:
    with store.layers.lease() as lease:
        content = key[0].encode() * size
        entry = TarEntry(b"file", Kind.FILE, size=size)
        layer = store.layers.compose([(entry, [content])], lease)
        cache.put(
            key, Cached(layer.diff_id, "2020-01-01T00:00:00Z"), step=f"RUN {key}", parent=f"parent of {key}"
        )


def _use(store: Store, cache: Cache, key: str) -> bool:
    with store.layers.lease() as lease:
        return cache.get(key, lease) is not None


def _keys(cache: Cache) -> list[str]:
    return sorted(row.key for row in cache.rows())


def test_beyond_the_limit_the_least_recently_used_goes(
    store: Store, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERRY_BUILD_CACHE", str(3 * MIB))
    for key in "abc":
        _add(store, cache, key)
    assert _use(store, cache, "a")
    cache.limit()
    assert _keys(cache) == ["a", "b", "c"]
    _add(store, cache, "d")
    cache.limit()
    assert _keys(cache) == ["a", "c", "d"], "b was used longest ago"
    assert len(store.layers.all()) == 3, "and its layer is gone too"
    assert not _use(store, cache, "b")


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (Pruning(), []),
        (Pruning(reserved=2 * MIB), ["c", "d"]),
        (Pruning(most=1 * MIB), ["d"]),
        (Pruning(most=1 * MIB, reserved=3 * MIB), ["b", "c", "d"]),
        (Pruning(free=1), ["a", "b", "c", "d"]),
        (Pruning(free=1 << 62), []),
        (Pruning(free=1 << 62, reserved=1 * MIB), ["d"]),
        (Pruning(fits=lambda row: row.key in "ad"), ["b", "c"]),
        (Pruning(most=3 * MIB, fits=lambda row: row.key in "cd"), ["a", "b", "d"]),
    ],
)
def test_pruning_leaves_what_was_asked_for(
    store: Store, cache: Cache, chosen: Pruning, left: list[str]
) -> None:
    for key in "abcd":
        _add(store, cache, key)
    gone, freed = cache.prune(chosen)
    assert _keys(cache) == left
    assert sorted([*gone, *left]) == ["a", "b", "c", "d"]
    assert freed == MIB * len(gone)


def test_cache_mounts_are_counted_and_go_unless_they_are_used(cache: Cache, tmp_path: Path) -> None:
    for name in ("idle", "used"):
        cache.mounts.taken(name, f"/{name}")
        (tmp_path / "mounts" / name).mkdir(parents=True)
        (tmp_path / "mounts" / name / "file").write_bytes(b"x" * MIB)
        cache.mounts.left(name)
    cache.mounts.taken("used", "/used")
    rows: dict[str, CacheRow] = {row.key: row for row in cache.rows()}
    assert rows["idle"].size >= MIB and not rows["idle"].in_use
    assert rows["used"].in_use and rows["used"].step == "cache mount /used"
    gone, freed = cache.prune(Pruning())
    assert gone == ["idle"] and freed >= MIB
    assert [path.name for path in (tmp_path / "mounts").iterdir()] == ["used"]
    cache.mounts.left("used")
    (tmp_path / "mounts" / "rubbish").mkdir()
    cache.mounts.mend()
    assert [path.name for path in (tmp_path / "mounts").iterdir()] == ["used"]
