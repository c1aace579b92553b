import dataclasses
import hashlib
import json

import pytest

from melib.gan.settings import GanSettings
from melib.learning.registry import ALGORITHMS, ESTIMATORS, METHODS, NETWORKS, PROTOCOLS
from melib.learning.settings import PROFILES, RECIPES, RunSettings
from melib.settings import ROLES, SettingsError, convert, parameter_names
from tests.conftest import settings


def test_a_profile_fills_in_and_single_values_override_it():
    run = RunSettings.from_parameters({"held_out": "SAMM", "profile": "paper", "epochs": 60, "lr": None})
    assert (run.image_size, run.epochs, run.brl_start, run.val_share) == (224, 60, 51, 0.0)
    assert run.lr == 2e-4
    assert set(PROFILES["tiny"]) == set(PROFILES["demo"]) == set(PROFILES["paper"])


@pytest.mark.parametrize("kind", [RunSettings, GanSettings])
def test_every_field_declares_its_role_and_the_profile_sets_what_has_no_default(kind):
    fields = dataclasses.fields(kind)
    assert all(one.metadata["role"] in ROLES for one in fields)
    without = {one.name for one in fields if one.default is dataclasses.MISSING}
    assert all(without == {"held_out", *values} for values in kind.PROFILES.values())


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"held_owt": "SAMM"}, "'held_owt'.*'held_out'"),
        ({"Lambda": 1, "held_out": "SAMM"}, "'Lambda'.*lam"),
        ({}, "held_out is missing"),
        ({"held_out": "SAMN"}, "'SAMN'.*'SAMM'"),
        ({"held_out": "SAMM", "network": "resnet"}, "'resnet'.*'resnet18'"),
        ({"held_out": "SAMM", "method": "bral"}, "'bral'.*'brl'"),
        ({"held_out": "SAMM", "profile": "papr"}, "'papr'.*'paper'"),
        ({"held_out": "SAMM", "lam": 1.5}, "lam = 1.5.*0 to 1"),
        ({"held_out": "SAMM", "lam": "half"}, "lam = 'half'.*float"),
        ({"held_out": "SAMM", "method": "erm", "lam": 0.5}, "'lam' is an option of brl and feature_means"),
        ({"held_out": "SAMM", "method": "brl", "spread": "rnge"}, "'rnge'.*'range'"),
        ({"held_out": "SAMM", "epochs": 3.5}, "epochs = 3.5.*int"),
        ({"held_out": "SAMM", "mirror": "maybe"}, "mirror = 'maybe'.*bool"),
        ({"held_out": "SAMM", "epochs": 5}, "brl_start = 21 lies after the last epoch"),
        ({"held_out": "SAMM", "sources": ["SAMM", "SMIC"]}, "held out and cannot be a source"),
        ({"held_out": "SAMM", "sources": "SMIK,CASME"}, "'SMIK'.*'SMIC'"),
        ({"held_out": "SAMM", "protocol": "hde"}, "trains on the datasets named as `sources`"),
        ({"held_out": "all", "augment": "even"}, "needs a generator that never saw"),
        ({"held_out": "SAMM", "augment": "even", "mapping": "megc2019"}, "'even'.*'megc2019'.*Leave mapping out"),
        ({"held_out": "SAMM", "method": "logreg", "dropout": 0.5}, "dropout acts on networks; logreg has none"),
        ({"held_out": "SAMM", "method": "erm", "diagnose": True}, "diagnose looks at BRL's attention"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right_one(parameters, message):
    with pytest.raises(SettingsError, match=message):
        RunSettings.from_parameters(parameters)


def test_numbers_that_arrive_as_text_are_converted():
    run = RunSettings.from_parameters(
        {"held_out": "SAMM", "lr": "2e-4", "epochs": "50", "mirror": "true", "sources": "MMEW, SMIC", "lam": "0.3"}
    )
    assert (run.lr, run.epochs, run.mirror, run.sources) == (2e-4, 50, True, ("SMIC", "MMEW"))
    assert run.options == (("lam", 0.3),)


@pytest.mark.parametrize("spelling", ["samm", " SAMM ", "CASME II", "casme (ii)", "CASME Ⅱ"])
def test_usual_spellings_of_the_five_are_understood(spelling):
    expected = "SAMM" if "amm" in spelling.lower() else "CASME2"
    assert RunSettings.from_parameters({"held_out": spelling}).held_out == expected


def test_a_type_that_no_setting_has_is_an_error_and_no_list_of_datasets():
    with pytest.raises(TypeError, match="declared as <class 'dict'>"):
        convert("x", {}, dict)


def test_options_are_of_the_chosen_method_and_network_and_at_rest_leave_no_trace():
    assert settings(lam=0.5).options == () == settings().options
    run = settings(network="mlp", hidden=8, lam=0.3)
    assert run.options == (("hidden", 8), ("lam", 0.3))
    assert (run.option("spread"), run.values()["hidden"], run.values()["epochs"]) == ("range", 8, 4)
    with pytest.raises(SettingsError, match="'ce_scale' is no option"):
        run.option("ce_scale")
    assert RunSettings.from_parameters(run.parameters()) == run


def test_an_option_of_another_method_is_fine_at_rest_and_refused_once_set():
    """The notebook lists `lam` with None, whatever the method."""
    base = {"held_out": "SAMM", "method": "erm"}
    assert RunSettings.from_parameters({**base, "lam": None}) == RunSettings.from_parameters(base)
    with pytest.raises(SettingsError, match="Unknown parameter 'lamb'"):
        RunSettings.from_parameters({**base, "lamb": None})


def test_names_of_options_are_theirs_alone():
    """Options and fields share one list of parameters: no name may mean two things at once."""
    of_methods = {name for spec in METHODS.values() for name in spec.options}
    of_networks = {name for spec in NETWORKS.values() for name in spec.options}
    assert not of_methods & of_networks
    assert not (of_methods | of_networks) & set(RunSettings.names())


@pytest.mark.parametrize("registry", [ALGORITHMS, ESTIMATORS, NETWORKS, PROTOCOLS])
def test_every_entry_of_a_registry_names_code_that_is_there(registry):
    for spec in registry.values():
        assert callable(spec.load())
        for option in spec.options.values():
            assert not option.choices or option.default in option.choices
            assert not option.bounds or option.bounds[0] <= option.default <= option.bounds[1]


def test_the_hash_names_settings_and_data_but_not_places():
    run = settings()
    same = settings(corpus="/elsewhere", out="/other", device="cuda", generated="/there")
    assert run.run_name("data") == same.run_name("data")
    names = {run.run_name("data"), run.run_name("other data")}
    for change in ({"lam": 0.3}, {"seed": 1}, {"threads": 2}, {"sources": ["SMIC", "CASME"]}, {"precision": "bf16"}):
        names.add(settings(**change).run_name("data"))
    assert len(names) == 7


def test_settings_at_rest_are_no_part_of_a_name():
    """A twin that hashes what the profile sets alone; a setting counts once it is set."""
    run = settings()
    set_by_profile = {name: getattr(run, name) for name in PROFILES["tiny"]}
    content = {**set_by_profile, "profile": "tiny", "held_out": "SAMM", "inputs": "flow_image", "lr": 1e-3}
    text = json.dumps({**content, "data": "data"}, sort_keys=True)
    assert run.digest("data") == hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    other = settings(remove_head_motion=True)
    assert other.digest("data") != run.digest("data") and "removeheadmotionTrue" in other.run_name("data")


def test_a_file_names_a_run_by_its_content(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / f"{name}.csv").write_bytes(content)
    for field in ("boxes", "weights"):
        runs = {name: settings(**{field: str(tmp_path / f"{name}.csv")}) for name in "abc"}
        digests = {name: run.digest("data") for name, run in runs.items()}
        assert digests["a"] == digests["b"] and len({*digests.values(), settings().digest("data")}) == 3
        assert f"-{field}a" in runs["a"].run_name("data")
    with pytest.raises(SettingsError, match=r"boxes = .*nowhere.csv.*cannot be read: No such file"):
        settings(boxes=str(tmp_path / "nowhere.csv")).run_name("data")


def test_the_folder_name_says_what_differs_from_the_profile():
    run = RunSettings.from_parameters({"held_out": "CASME2", "lam": 0.3, "epochs": 30, "seed": 3})
    name = run.run_name("data")
    assert name.startswith("CASME2__brl-cnn__flow__demo-lam0.3-epochs30__s3__")
    assert len(name.rsplit("__", 1)[1]) == 8
    subject = RunSettings.from_parameters({"held_out": "SMIC/s1", "protocol": "loso", "method": "logreg"})
    assert subject.title.startswith("SMIC-s1__logreg__flow__demo-protocolloso")


CELL = 'corpus: str = "demo"  # x\nheld_out: str = "SAMM"\nlam: float = 0.5'


def notebook(cells, **variables):
    return {"corpus": "demo", "held_out": "SAMM", "lam": 0.5, **variables, "In": ["", *cells]}


def test_a_misspelt_papermill_parameter_stops_the_run():
    with pytest.raises(SettingsError, match=r"'held_owt'.*'held_out'"):
        RunSettings.from_notebook(notebook([CELL, '# Parameters\nheld_owt = "SMIC"\nlam = 0.5\n'], held_owt="SMIC"))


def test_a_parameter_misspelt_in_the_notebook_s_own_cell_stops_the_run():
    """By hand in JupyterLab: the old variable is still there, the cell assigns another."""
    edited = CELL.replace("lam:", "lamda:")
    with pytest.raises(SettingsError, match=r"'lamda'.*'lam'"):
        RunSettings.from_notebook(notebook([CELL, "1 + 1", edited], lamda=0.3))


def test_the_latest_parameter_cell_counts_and_ones_own_variables_do_not():
    cells = [CELL, "held_owt = 3", '# Parameters\nheld_out = "SMIC"\nspread = "variance"\n', "%matplotlib inline"]
    variables = notebook(cells, held_out="SMIC", spread="variance", held_owt=3, epoch=7)
    run = RunSettings.from_notebook(variables)
    assert (run.held_out, run.option("spread")) == ("SMIC", "variance")
    without = {name: value for name, value in notebook([]).items() if name not in ("In", "lam")}
    assert RunSettings.from_notebook(without).held_out == "SAMM"  # no history at all


def test_parameter_names_reads_assignments_only():
    known = ("a", "b")
    assert parameter_names(["x = 1", "# Parameters\na = 1\nb = [2, 3]\n"], known) == ["a", "b"]
    assert parameter_names(["x: int = 1\na = 2"], known) == []
    assert parameter_names(["a: int = 1\nb: int = 2\nc = 3"], known) == ["a", "b", "c"]


def test_choices_are_those_of_the_rooms_that_serve_them():
    """Spelt out in the settings so that they can be checked without loading OpenCV."""
    from melib.prepare.apex import RULES
    from melib.prepare.encode import ENCODINGS
    from melib.prepare.flow import BATCHED, FLOWS
    from melib.prepare.settings import PrepareError, PrepareSettings

    choices = {one.name: set(one.metadata["choices"]) for one in dataclasses.fields(RunSettings)}
    assert choices["flow_method"] == {*FLOWS, *BATCHED}
    assert choices["flow_encoding"] == set(ENCODINGS)
    assert choices["apex_rule"] == {*RULES}
    rest = RunSettings.at_rest()
    assert rest["flow_method"] == PrepareSettings.flow_method
    assert rest["apex_rule"] == PrepareSettings.apex_rule
    low, high = RunSettings.__dataclass_fields__["image_size"].metadata["bounds"]
    assert all(PrepareSettings(size).image_size == size for size in (low, high))
    for size in (low - 1, high + 1):
        with pytest.raises(PrepareError):
            PrepareSettings(size)
    assert {one.name for one in dataclasses.fields(PrepareSettings)} == {
        *RunSettings.having(part="preparation"),
        "device",
    }


@pytest.mark.parametrize(
    "given, without",
    [
        ({"inputs": "flow"}, set()),
        ({"inputs": "flow_image", "method": "logreg"}, {"dropout", "label_smoothing"}),
        ({"inputs": "apex"}, {"channels", "normalise"}),
        ({"inputs": "apex+flow"}, {"channels", "normalise"}),
        ({"inputs": "hoof", "method": "svm"}, {"dropout", "label_smoothing", "channels", "normalise", "mirror"}),
    ],
)
def test_a_recipe_sets_what_method_and_inputs_have(given, without):
    given = {"held_out": "SAMM", "method": "erm", **given}
    made = RunSettings.from_parameters({**given, "recipe": "recommended"})
    by_hand = {name: value for name, value in RECIPES["recommended"].items() if name not in without}
    assert made == RunSettings.from_parameters(given | by_hand) != RunSettings.from_parameters(given)


def test_what_is_given_beside_a_recipe_comes_first():
    made = RunSettings.from_parameters(
        {"held_out": "SAMM", "recipe": "recommended", "mirror": "false", "dropout": None}
    )
    assert not made.mirror and made.dropout == 0.5
    with pytest.raises(SettingsError, match="Did you mean 'recommended'"):
        RunSettings.from_parameters({"held_out": "SAMM", "recipe": "recomended"})
