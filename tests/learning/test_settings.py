import hashlib
import json
from dataclasses import asdict

import pytest

from melib.learning.settings import CHOICES, DEFAULTS, FIELDS, PROFILES, RunSettings, SettingsError
from melib.settings import NOT_IN_HASH, injected_names
from tests.conftest import settings


def test_a_profile_fills_in_and_single_values_override_it():
    run = RunSettings.from_parameters({"held_out": "SAMM", "profile": "paper", "epochs": 60, "lr": None})
    assert (run.image_size, run.epochs, run.brl_start, run.val_share) == (224, 60, 51, 0.0)
    assert run.lr == 2e-4
    assert set(PROFILES["tiny"]) == set(PROFILES["demo"]) == set(PROFILES["paper"])


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"held_owt": "SAMM"}, "'held_owt'.*'held_out'"),
        ({"Lambda": 1, "held_out": "SAMM"}, "'Lambda'.*lam"),
        ({}, "held_out is missing"),
        ({"held_out": "samm"}, "'samm'.*'SAMM'"),
        ({"held_out": "SAMM", "backbone": "resnet"}, "'resnet'.*'resnet18'"),
        ({"held_out": "SAMM", "profile": "papr"}, "'papr'.*'paper'"),
        ({"held_out": "SAMM", "lam": 1.5}, "lam = 1.5.*0 to 1"),
        ({"held_out": "SAMM", "lam": "half"}, "lam = 'half'.*float"),
        ({"held_out": "SAMM", "epochs": 3.5}, "epochs = 3.5.*int"),
        ({"held_out": "SAMM", "flip": "maybe"}, "flip = 'maybe'.*bool"),
        ({"held_out": "SAMM", "epochs": 5}, "brl_start = 21 lies after the last epoch"),
        ({"held_out": "SAMM", "sources": ["SAMM", "SMIC"]}, "held out and cannot be a source"),
        ({"held_out": "SAMM", "sources": "SMIK,CASME"}, "'SMIK'.*'SMIC'"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right_one(parameters, message):
    with pytest.raises(SettingsError, match=message):
        RunSettings.from_parameters(parameters)


def test_numbers_that_arrive_as_text_are_converted():
    run = RunSettings.from_parameters(
        {"held_out": "SAMM", "lr": "2e-4", "epochs": "50", "flip": "true", "sources": "MMEW, SMIC"}
    )
    assert (run.lr, run.epochs, run.flip, run.sources) == (2e-4, 50, True, ("SMIC", "MMEW"))


def test_the_hash_names_settings_and_data_but_not_places():
    run = settings()
    same = settings(corpus="/elsewhere", out="/other", device="cuda")
    assert run.run_name("data") == same.run_name("data")
    names = {run.run_name("data"), run.run_name("other data")}
    for change in ({"lam": 0.3}, {"seed": 1}, {"threads": 2}, {"sources": ["SMIC", "CASME"]}, {"precision": "bf16"}):
        names.add(settings(**change).run_name("data"))
    assert len(names) == 7


def test_switches_at_rest_are_no_part_of_a_name():
    """A twin that hashes the rest alone; a switch counts once it is set."""
    run = settings()
    first = {name: value for name, value in asdict(run).items() if name not in {*NOT_IN_HASH, *RunSettings.switches()}}
    text = json.dumps({**first, "data": "data"}, sort_keys=True)
    assert run.digest("data") == hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    other = settings(remove_head_motion=True)
    assert other.digest("data") != run.digest("data") and "removeheadmotionTrue" in other.run_name("data")


def test_a_file_names_a_run_by_its_content(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / f"{name}.csv").write_bytes(content)
    runs = {name: settings(boxes=str(tmp_path / f"{name}.csv")) for name in "abc"}
    digests = {name: run.digest("data") for name, run in runs.items()}
    assert digests["a"] == digests["b"] and len({*digests.values(), settings().digest("data")}) == 3
    assert "-boxesa__" in runs["a"].run_name("data")
    with pytest.raises(SettingsError, match=r"boxes = .*nowhere.csv.*cannot be read: No such file"):
        settings(boxes=str(tmp_path / "nowhere.csv")).run_name("data")


def test_the_folder_name_tells_what_differs_from_the_profile():
    run = RunSettings.from_parameters({"held_out": "CASME2", "lam": 0, "epochs": 30, "seed": 3})
    name = run.run_name("data")
    assert name.startswith("CASME2__cnn__flow__demo-lam0-epochs30__s3__")
    assert len(name.rsplit("__", 1)[1]) == 8


def parameter_cell(**changes):
    return {name: None for name in FIELDS} | {"held_out": "SAMM"} | changes


def test_a_misspelt_papermill_parameter_stops_the_run():
    history = ["", "held_out = 'SAMM'", '# Parameters\nheld_owt = "SMIC"\nlam = 0.5\n']
    with pytest.raises(SettingsError, match=r"'held_owt'.*'held_out'"):
        RunSettings.from_notebook({**parameter_cell(), "In": history, "held_owt": "SMIC"})


def test_ones_own_variables_do_not_matter():
    history = ["", "held_out = 'SAMM'", '# Parameters\nheld_out = "SMIC"\n', "held_owt = 3"]
    variables = {**parameter_cell(held_out="SMIC"), "In": history, "held_owt": 3, "epoch": 7, "settings": object()}
    assert RunSettings.from_notebook(variables).held_out == "SMIC"
    assert RunSettings.from_notebook(parameter_cell()).held_out == "SAMM"  # no notebook history at all


def test_injected_names_reads_assignments_only():
    assert injected_names(["x = 1", "# Parameters\na = 1\nb = [2, 3]\n"]) == ["a", "b"]
    assert injected_names(["x = 1"]) == []


def test_choices_and_defaults_are_those_of_the_rooms_that_serve_them():
    """Spelt out in the settings so that they can be checked without loading torch or OpenCV."""
    from melib.learning.backbones import BACKBONES
    from melib.prepare.apex import RULES
    from melib.prepare.encode import ENCODINGS
    from melib.prepare.flow import BATCHED, FLOWS
    from melib.prepare.pipeline import PrepareSettings

    assert set(CHOICES["backbone"]) == set(BACKBONES)
    assert set(CHOICES["flow_method"]) == {*FLOWS, *BATCHED}
    assert set(CHOICES["flow_encoding"]) == set(ENCODINGS)
    assert set(CHOICES["apex_rule"]) == {"auto", *RULES}
    assert DEFAULTS["flow_method"] == PrepareSettings.flow_method
    assert DEFAULTS["apex_rule"] == PrepareSettings.apex_rule
