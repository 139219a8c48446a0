"""Groups of near hashes: those of a comparison of all with all, for far less work."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.split import groups, near
from steps.split.near import MOST_LOW, NEAR, Hashes, Search, as_words, distances
from tests.factories_dataset import record


def drawn(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), dtype=np.uint64)


def changed(hashes: Hashes, bits: int, seed: int = 0) -> Hashes:
    """Copies with up to `bits` bits of each turned."""
    chance = np.random.default_rng(seed)
    flags = np.zeros((len(hashes), 256), dtype=np.uint8)
    for row in flags:
        row[chance.choice(256, chance.integers(0, bits + 1), replace=False)] = 1
    words: Hashes = np.packbits(flags, axis=1).view(">u8").astype(np.uint64) ^ hashes
    return words


def by_all_pairs(hashes: Hashes, most: int) -> list[int]:
    """The smallest index of each hash's group, by comparing all with all."""
    close = distances(hashes[:, None], hashes[None]) <= most
    close &= np.bitwise_count(hashes[:, None, 0] ^ hashes[None, :, 0]) <= min(MOST_LOW, most)
    groups = np.arange(len(hashes))
    while True:
        least = np.where(close, groups[None, :], len(hashes)).min(axis=1)
        if (least == groups).all():
            return [int(group) for group in groups]
        groups = least


@st.composite
def alike(draw: st.DrawFn) -> Hashes:
    """Hashes of a few pictures and copies of them, some of which are copies of copies."""
    seed = draw(st.integers(0, 2**32))
    hashes = drawn(draw(st.integers(1, 6)), seed)
    for turn in range(draw(st.integers(0, 4))):
        hashes = np.concatenate([hashes, changed(hashes, draw(st.integers(1, 70)), seed + turn)])
    return np.unique(hashes, axis=0)


@pytest.fixture(scope="module", params=[near.SHORT_ROW, 3], ids=["short rows", "long rows"], autouse=True)
def row(request: pytest.FixtureRequest) -> Iterator[None]:
    """Rows of tables are compared in two ways; with a low limit the second is taken for few hashes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "SHORT_ROW", request.param)
        yield


@given(alike(), st.sampled_from([0, 5, 16, NEAR]))
def test_groups_are_those_of_all_pairs(hashes: Hashes, most: int) -> None:
    assert Search(hashes, most).groups().tolist() == by_all_pairs(hashes, most)


@given(st.lists(st.integers(0, 63), min_size=MOST_LOW, max_size=MOST_LOW, unique=True), st.integers(0, 2**32))
def test_a_pair_is_found_wherever_the_low_bits_differ(bits: list[int], seed: int) -> None:
    one = drawn(1, seed)
    other = one.copy()
    other[0, 0] ^= np.uint64(sum(1 << bit for bit in bits))
    assert len(set(Search(np.concatenate([one, other])).groups().tolist())) == 1


def test_words_are_those_of_the_hex_digits() -> None:
    digits = "0123456789abcdef" + "0" * 16 + "f" * 16 + "8" + "0" * 15
    assert as_words([digits]).tolist() == [[0x0123456789ABCDEF, 0, 2**64 - 1, 2**63]]


CROWDS: dict[str, Callable[[int], Hashes]] = {
    "frames of one camera": lambda count: changed(np.repeat(drawn(1), count, axis=0), 20),
    "frames of ten cameras": lambda count: changed(np.repeat(drawn(10), count // 10, axis=0), 20),
    "frames of a slow turn": lambda count: np.bitwise_xor.accumulate(changed(np.zeros((count, 4), np.uint64), 5)),
    "different pictures": drawn,
}


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
def test_few_pairs_are_compared_when_pictures_are_many(crowd: Callable[[int], Hashes]) -> None:
    hashes = np.unique(crowd(8000), axis=0)
    search = Search(hashes)
    search.groups()
    assert search.compared < len(hashes) ** 2 / 2 / 40


def test_comparisons_grow_with_the_frames_when_all_are_of_one_camera() -> None:
    for count in (2000, 16000):
        search = Search(np.unique(CROWDS["frames of one camera"](count), axis=0))
        assert set(search.groups().tolist()) == {0}
        assert search.compared < 100 * count


def test_comparisons_are_bounded_when_all_pictures_share_every_row() -> None:
    hashes = drawn(600)
    hashes[:, 0] = 7
    search = Search(hashes, budget=4)
    search.groups()
    assert search.compared <= 45 * (4 * 600 + near.BLOCK)


def test_little_is_compared_when_a_group_that_is_too_large_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = changed(np.repeat(drawn(1), 20_000, axis=0), 20)
    records = [
        record(f"{number:05}").model_copy(update={"phash": "".join(f"{word:016x}" for word in words)})
        for number, words in enumerate(hashes.tolist())
    ]
    searches: list[Search] = []

    class Watched(Search):
        def __init__(self, hashes: Hashes, most: int, budget: int) -> None:
            super().__init__(hashes, most, budget)
            searches.append(self)

    monkeypatch.setattr(groups, "Search", Watched)
    together = groups.find_groups(groups.Images.of(records))
    assert together.apart == [20_000]
    assert max(map(len, together.groups)) <= 20_000 / 3
    assert len(searches) > 1
    assert sum(search.compared for search in searches) < 20_000**2 / 2 / 4
