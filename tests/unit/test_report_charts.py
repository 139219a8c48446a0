from hypothesis import given
from hypothesis import strategies as st

from steps.report.charts import HEIGHT, MOST_POINTS, WIDTH, Line, Mark, line_chart
from tests.page_reader import PageReader

VALUES = st.floats(-1e9, 1e9)


def test_there_is_no_chart_when_there_is_no_point() -> None:
    assert line_chart("t", [Line("a", [None, None])], x_label="x", y_label="y") is None


def test_line_breaks_and_single_points_become_dots_when_values_are_missing() -> None:
    points = [(0.0, 1.0), (1.0, 2.0), None, (3.0, 1.0), None, (5.0, 2.0), (6.0, 0.0)]
    chart = line_chart("t", [Line("a", points)], x_label="x", y_label="y")
    assert chart is not None
    assert chart.svg.count("<polyline") == 2
    assert chart.svg.count("<circle") == 1


def test_line_is_thinned_when_it_has_more_points_than_a_screen_shows() -> None:
    points = [(float(x), 1.0) for x in range(10_000)]
    chart = line_chart("t", [Line("a", points)], x_label="x", y_label="y", whole_x=True)
    assert chart is not None
    assert chart.svg.count(",") <= MOST_POINTS + 10
    assert ">10,000<" not in chart.svg


def test_names_are_escaped_when_they_are_markup() -> None:
    chart = line_chart("<b>", [Line("<i>", [(0, 0), (1, 1)])], x_label="<u>", y_label='"', mark=Mark((1, 1), "<s>"))
    assert chart is not None
    assert not any(tag in chart.svg for tag in ("<b>", "<i>", "<u>", "<s>"))
    assert PageReader(str(chart.svg)).faults == []


def test_each_line_has_its_own_look_when_there_are_several() -> None:
    lines = [Line(str(index), [(0, index), (1, index)]) for index in range(7)] + [Line("mean", [(0, 0)], emphasis=True)]
    chart = line_chart("t", lines, x_label="x", y_label="y")
    assert chart is not None
    assert len({(colour, dash) for _, colour, dash in chart.legend}) == len(lines)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30), st.booleans())
def test_everything_is_inside_the_drawing_when_points_are_anywhere(
    points: list[tuple[float, float]], whole: bool
) -> None:
    if whole:
        points = [(float(round(x)), y) for x, y in points]
    chart = line_chart("t", [Line("a", sorted(points))], x_label="x", y_label="y", whole_x=whole)
    assert chart is not None
    for path in chart.svg.split('points="')[1:]:
        for point in path.split('"')[0].split():
            x, y = map(float, point.split(","))
            assert -0.1 <= x <= WIDTH + 0.1
            assert -0.1 <= y <= HEIGHT + 0.1
