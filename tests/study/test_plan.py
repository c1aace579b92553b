import pytest
import yaml

from melib.learning.settings import SettingsError
from melib.study.plan import executed_notebook, expand, make_plan, read_grid


def write(path, content):
    path.write_text(yaml.safe_dump(content))
    return path


def test_lists_are_multiplied_out_and_shared_runs_planned_once(tmp_path):
    grid = write(
        tmp_path / "g.yaml", [{"held_out": ["SAMM", "SMIC"], "lam": [0, 0.5]}, {"held_out": "SAMM", "seed": [0, 1]}]
    )
    runs = read_grid(grid)
    assert [(r.held_out, r.lam, r.seed) for r in runs] == [
        ("SAMM", 0, 0), ("SAMM", 0.5, 0), ("SMIC", 0, 0), ("SMIC", 0.5, 0), ("SAMM", 0.5, 1),
    ]  # fmt: skip


def test_sources_take_a_list_of_lists():
    runs = expand({"held_out": "SAMM", "sources": [["SMIC", "MMEW"], ["CASME", "MMEW"]]})
    assert [r.sources for r in runs] == [("SMIC", "MMEW"), ("CASME", "MMEW")]


@pytest.mark.parametrize(
    "content, message",
    [
        ({"held_out": ["SAMM", "SMIK"]}, "grid 1, row 2 .*'SMIK'.*'SMIC'"),
        ([{"held_out": "SAMM"}, {"held_out": "SAMM", "lamda": 0.5}], "grid 2, row 1 .*'lamda'.*'lam'"),
        (["held_out"], "grid 1 is 'held_out'"),
        (None, "grid 1 is None"),
    ],
)
def test_a_wrong_row_is_named_before_anything_starts(tmp_path, content, message):
    with pytest.raises(SettingsError, match=message):
        read_grid(write(tmp_path / "g.yaml", content))


def test_a_grid_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match="No grid file"):
        read_grid(tmp_path / "none.yaml")


def test_state_is_read_from_disk_and_a_corpus_named_once(tmp_path):
    asked = []
    runs = expand({"held_out": ["SAMM", "SMIC", "MMEW"], "out": str(tmp_path)})
    plan = make_plan(runs, lambda settings: asked.append(settings.corpus) or "f00d")
    assert asked == ["demo"]
    assert list(plan["state"]) == ["planned"] * 3

    (tmp_path / plan["run"][0]).mkdir()
    (tmp_path / plan["run"][0] / "done").touch()
    (tmp_path / plan["run"][1]).mkdir()  # a folder without `done` is none
    failed = executed_notebook(tmp_path, plan["run"][2])
    failed.parent.mkdir()
    failed.touch()
    assert list(make_plan(runs, lambda _: "f00d")["state"]) == ["done", "planned", "failed"]
    assert list(make_plan(runs, lambda _: "beef")["state"]) == ["planned"] * 3  # other data, other runs
