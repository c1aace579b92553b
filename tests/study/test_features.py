from types import SimpleNamespace

import pytest

from melib.study import features
from tests.conftest import settings

SAME = [{}, {"method": "erm"}, {"seed": 1}, {"lam": 0.1}]
OTHER = [
    {"augment": "oversample"},
    {"augment": "oversample", "seed": 1},  # other clips are repeated
    {"augment": "balance", "generated": "generated/one"},
    {"augment": "balance", "generated": "generated/two"},
    {"held_out": "SMIC"},
    {"corpus": "tiny"},
    {"image_size": 32},
]


@pytest.fixture
def loaded(monkeypatch):
    """The settings that samples were loaded for, in order; the hits of a run are the samples it was given."""
    calls = []
    monkeypatch.setattr("melib.learning.data.load_data", lambda run: calls.append(run) or len(calls))
    monkeypatch.setattr(features, "dataset_hits", lambda run, data: data)
    return calls


def test_runs_on_the_same_samples_share_them(loaded):
    hits = features.hits_reader()
    assert {hits(SimpleNamespace(settings=settings(**changes))) for changes in SAME} == {1}
    assert len(loaded) == 1


def test_runs_on_other_samples_are_probed_on_their_own(loaded):
    hits = features.hits_reader()
    runs = [SimpleNamespace(settings=settings(**changes)) for changes in [{}, *OTHER]]
    first = [hits(run) for run in runs]
    assert first == list(range(1, len(runs) + 1)) == [hits(run) for run in runs]
    assert loaded == [run.settings for run in runs]
