import pytest

from steps.report import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0042, "0.00 s"),
        (0.42, "0.42 s"),
        (8.34, "8.3 s"),
        (59.96, "1 min 00 s"),
        (83.2, "1 min 23 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (200_000, "2 d 8 h"),
    ],
)
def test_duration_is_short_when_it_is_spelled(value: float | None, text: str) -> None:
    assert figures.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (310e6, "310 MB"), (1.48e9, "1.5 GB"), (None, "–")],
)
def test_size_has_a_fitting_unit_when_it_is_spelled(value: float | None, text: str) -> None:
    assert figures.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 %"), (0.0312, "3.1 %"), (0.0999, "10 %"), (0.7, "70 %"), (1, "100 %"), (None, "–")]
)
def test_share_has_two_digits_when_it_is_spelled(value: float | None, text: str) -> None:
    assert figures.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (0.123456, "0.123"),
        (1234.5, "1,234"),
        (2.5e-7, "2.50e-07"),
        (-3.25, "-3.25"),
        (1e9, "1.00e+09"),
    ],
)
def test_number_has_three_digits_when_it_is_spelled(value: float, text: str) -> None:
    assert figures.significant(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.42, "0.4 ms"), (99.4, "99.4 ms"), (99.6, "100 ms"), (1234, "1.2 s")])
def test_milliseconds_become_seconds_when_they_are_many(value: float, text: str) -> None:
    assert figures.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5 s"), (30, "30 s"), (300, "5 min"), (90, "1 min 30 s"), (5400, "1 h 30 min")],
)
def test_tick_is_round_when_the_duration_is(value: float, text: str) -> None:
    assert figures.round_duration(value) == text


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_joined_when_they_are_listed(words: list[str], text: str) -> None:
    assert figures.listed(words) == text
