from dataclasses import fields

import pytest

from melib.gan.settings import GanSettings, needed_by
from melib.learning.settings import RunSettings
from melib.settings import SettingsError
from tests.conftest import settings
from tests.gan.conftest import gan_settings


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"side": 100}, "side = 100 does not divide by 64; take 64 or 128"),
        ({"preset": "ulmegan"}, "'ulmegan'.*'ulme-gan'"),
        ({"flow_method": "farnebak"}, "'farnebak'.*'farneback'"),
        ({"stepps": 3}, "'stepps'.*'steps'"),
        ({"held_out": "SAM"}, "'SAM'.*'SAMM'"),
        ({"sources": "SAMM,SMIC"}, "held out and cannot be a source"),
    ],
)
def test_what_is_wrong_is_named(parameters, message):
    with pytest.raises(SettingsError, match=message):
        gan_settings(**parameters)


def test_ways_of_preparing_are_those_of_a_run():
    shared = GanSettings.having(part="preparation")
    gan, run = ({one.name: one for one in fields(kind)} for kind in (GanSettings, RunSettings))
    for name in shared:
        assert gan[name].metadata["choices"] == run[name].metadata["choices"]
        assert gan[name].default == run[name].default
        assert gan[name].metadata["bounds"] == run[name].metadata["bounds"]


def test_a_folder_is_named_by_what_made_it_and_not_by_places():
    name = gan_settings().folder_name("data")
    assert name.startswith("SAMM__tiny-width2-steps4-batchsize2__s0__")
    assert name == gan_settings(out="/x", corpus="/y", figures="/z", device="cuda").folder_name("data")
    others = [gan_settings(**change).folder_name("data") for change in ({"seed": 1}, {"preset": "paper"}, {"k": 2})]
    assert len({name, gan_settings().folder_name("more data"), *others}) == 5


def test_the_folder_that_a_run_needs():
    assert needed_by(settings()) is None
    assert needed_by(settings(augment="oversample")) is None
    run = RunSettings.from_parameters({"held_out": "SMIC", "profile": "paper", "augment": "even", "generated": "/g"})
    needed = needed_by(run)
    assert isinstance(needed, GanSettings)
    assert (needed.held_out, needed.profile, needed.image_size, needed.out) == ("SMIC", "paper", 224, "/g")
    assert needed == needed_by(RunSettings.from_parameters({**run.parameters(), "augment": "shuffled", "seed": 3}))
