import pytest
from hypothesis import given
from hypothesis import strategies as st

from melib.corpus.codes import Code, parse_codes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4+L10", ["4", "L10"]),
        ("R1 + R2", ["R1", "R2"]),
        ("R12B", ["R12B"]),
        ("43E", ["43E"]),
        ("12L", ["L12"]),
        ("4R+7", ["R4", "7"]),
        ("10R + 20L", ["R10", "L20"]),
        ("12L/14R", ["L12 or R14"]),
        ("AU 12", ["12"]),
        ("12BL", ["L12B"]),
        ("L12B", ["L12B"]),
        ("R12 or R14", ["R12 or R14"]),
        ("(R6 or R12)+R15", ["R6 or R12", "R15"]),
        ("R14A or 17A or 24A", ["R14A or 17A or 24A"]),
        ("10A/B", ["10A/B"]),
        ("A/L12", ["A/L12"]),
        ("12/14", ["12 or 14"]),
        ("14A/17A", ["14A or 17A"]),
        ("T23+B18", ["T23", "B18"]),
        ("ref(4) + 7", ["4", "7"]),
        ("ref(4+7)", ["4", "7"]),
        ("4+soft focus", ["4"]),
        ("AU4+au12?", ["4", "12"]),
        ("?", []),
        ("", []),
        (14, ["14"]),
        (None, []),
        (float("nan"), []),
    ],
)
def test_the_notations_of_the_sheets(text, expected):
    assert [str(code) for code in parse_codes(text)] == expected


def test_the_parts_of_a_code():
    first, second = parse_codes("l10b or R12 + A/T4C/D")
    assert first == Code("L", 10, "B", (Code("R", 12, ""),))
    assert (second.side, second.au, second.intensity) == ("A/T", 4, "C/D")
    assert (first.raw, second.raw) == ("l10b or R12", "A/T4C/D")


sides, levels = st.sampled_from(["", "L", "R", "A", "T", "B", "A/L"]), st.sampled_from(["", "A", "E", "B", "A/B"])
plain = st.builds(Code, sides, st.integers(1, 99), levels)
codes = st.builds(Code, sides, st.integers(1, 99), levels, st.lists(plain, max_size=3).map(tuple))


@given(st.lists(codes, max_size=5))
def test_what_was_understood_survives_a_round_trip(written):
    assert parse_codes("+".join(map(str, written))) == written


@given(st.one_of(st.text(), st.text("LRATBE0123456789+/ ()orefs?.", max_size=20), st.none(), st.floats()))
def test_any_text_is_taken_and_kept(text):
    read = parse_codes(text)
    assert parse_codes("+".join(map(str, read))) == read
    assert all(code.raw in str(text) and 1 <= code.au <= 99 for code in read)
