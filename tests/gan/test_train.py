from dataclasses import replace

import numpy as np
import pytest
import torch

from melib import checkpoint
from melib.gan.settings import PRESETS
from melib.gan.train import Frames, GanError, _Training, generate, load_weights, new_generator, new_networks, train
from tests.gan.conftest import gan_settings


@pytest.fixture(autouse=True)
def _every_step(monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0)


def same(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_trains_both_networks_and_tells_how(frames, preset):
    settings, seen = gan_settings(preset=preset, steps=2), []
    before = new_networks(settings, frames)
    trained = train(frames, settings, progress=lambda *step: seen.append(step))
    assert not same(trained.generator, before[0])
    assert not same(trained.critic, before[1])
    assert list(trained.history["step"]) == [1, 2]
    assert np.isfinite(trained.history).all(axis=None)
    assert [step[:2] for step in seen] == [(1, 2), (2, 2)]
    assert same(train(frames, settings).generator, trained.generator)
    assert not same(train(frames, replace(settings, seed=1)).generator, trained.generator)


def test_a_training_that_was_cut_off_goes_on_to_the_same_bits(frames, tmp_path):
    settings, file = gan_settings(), tmp_path / "work"
    watch = frames.images[:2], frames.aus[:2]
    whole = train(frames, settings, watch)

    class Cut(Exception):
        pass

    def cut(step, *_):
        if step == 2:
            raise Cut

    with pytest.raises(Cut):
        train(frames, settings, watch, file, cut)
    assert len(torch.load(file / "training" / "0.pt", weights_only=True)["records"]["history"]) == 2
    steps = []
    resumed = train(frames, settings, watch, file, lambda step, *_: steps.append(step))
    assert steps == [3, 4]
    assert same(resumed.generator, whole.generator)
    assert same(resumed.critic, whole.critic)
    assert resumed.history.equals(whole.history)
    assert all((resumed.grids[step] == whole.grids[step]).all() for step in whole.grids)


@pytest.mark.parametrize("there", [False, True])
def test_bf16_is_fp32_on_a_processor_without_its_instructions(frames, there, monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": there}, raising=False)
    asked, exact = (train(frames, gan_settings(precision=name, device="cpu", steps=2)) for name in ("bf16", "fp32"))
    assert same(asked.generator, exact.generator) != there
    assert ("precision bf16 is computed in fp32" in caplog.text) != there


def test_a_checkpoint_of_another_shape_is_refused(frames, tmp_path):
    file = tmp_path / "work"
    train(frames, gan_settings(), work=file)
    with pytest.raises(GanError, match="checkpoint of other networks"):
        train(frames, gan_settings(width=3), work=file)


def test_no_number_stops_the_training_and_keeps_the_last_good_state(frames, tmp_path):
    aus = frames.aus.copy()

    def spoil(step, *_):
        if step == 2:
            aus[:] = np.nan  # the training looks at this very array

    with pytest.raises(GanError, match=r"In step 3 of 4 .*aus.* is no number.*0.pt holds the last good state"):
        train(Frames(frames.images, aus, frames.flow), gan_settings(preset="paper"), work=tmp_path, progress=spoil)
    kept = torch.load(tmp_path / "training" / "0.pt", weights_only=True)
    assert [row["step"] for row in kept["records"]["history"]] == [1, 2]
    assert all(torch.isfinite(weights).all() for weights in kept["parts"]["generator"].values())


def test_a_weight_that_is_no_number_stops_it_too(frames, tmp_path, monkeypatch):
    """Losses that are still numbers can leave weights that are none: those must not replace the good ones."""
    descend, steps = _Training._descend, []

    def spoil(adam, loss):
        descend(adam, loss)
        steps.append(adam)
        if len(steps) == 2 * gan_settings().steps:  # the generator's last
            adam.param_groups[0]["params"][0].data[:] = np.inf

    monkeypatch.setattr(_Training, "_descend", staticmethod(spoil))
    with pytest.raises(GanError, match=r"In step 4 of 4 a weight is no number"):
        train(frames, gan_settings(), work=tmp_path, progress=lambda *_: None)
    kept = torch.load(tmp_path / "training" / "0.pt", weights_only=True)["parts"]["generator"].values()
    assert all(torch.isfinite(weights).all() for weights in kept)


def test_going_on_from_a_given_generator(frames, tmp_path):
    from safetensors.torch import save_file

    settings = gan_settings()
    first = train(frames, settings).generator
    save_file(
        {name: value.contiguous() for name, value in first.state_dict().items()}, tmp_path / "generator.safetensors"
    )
    start = replace(settings, start=str(tmp_path / "generator.safetensors"))
    assert same(new_networks(start, frames)[0], first)
    with pytest.raises(GanError, match="does not fit this network"):
        new_networks(replace(start, width=5), frames)
    with pytest.raises(GanError, match="nowhere"):
        load_weights(new_generator(settings), tmp_path / "nowhere.safetensors")


def test_no_change_asked_for_gives_nearly_the_face_and_a_change_moves_it(frames):
    settings = gan_settings()
    generator = new_networks(settings, frames)[0]
    smooth = np.repeat(np.repeat(frames.images[:1, ::16, ::16], 16, 1), 16, 2)
    rest, moved = (generate(generator, smooth, np.full((1, 17), x), settings).astype(int) for x in (0.0, 3.0))
    assert np.abs(rest - smooth).mean() < 0.1 * np.abs(moved - smooth).mean()


def test_what_is_generated_does_not_depend_on_the_batch(frames):
    settings = gan_settings(preset="paper")
    generator = new_networks(settings, frames)[0]
    whole = generate(generator, frames.images, frames.aus, settings).astype(int)
    single = np.concatenate([generate(generator, frames.images[[k]], frames.aus[[k]], settings) for k in range(10)])
    assert np.abs(whole - single).max() <= 1
