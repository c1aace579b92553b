"""Flow against known motion, the errors against closed forms."""

import sys

import cv2
import numpy as np
import pytest
import torch

from melib.corpus.scan import read_index
from melib.figures.motion import BINS
from melib.prepare.flow import FLOWS, FlowError, flow_solver, remove_head_motion, shrink_flow
from melib.prepare.settings import PrepareSettings
from tests.benchmarks.accuracy import (
    VARIANTS,
    angular_error,
    disturb,
    endpoint_error,
    flow_accuracy,
    move,
    smooth_field,
)
from tests.prepare.clips import texture

DEFAULT = PrepareSettings().flow_method
CLASSICAL = ("lk", "farneback", "dis")


@pytest.fixture(scope="module")
def face_table(tiny_root):
    """What the default reaches on a texture moved by known fields, on a demo face, and on demo clips."""
    table = flow_accuracy(tiny_root, read_index(tiny_root), {DEFAULT: FLOWS[DEFAULT]}, texture(480, 480), pairs=6)
    return table.set_index(["source", "motion"])


@pytest.mark.parametrize("shift", [0.3, 0.5, 1.0])
def test_the_default_is_right_to_a_tenth_of_a_pixel_on_a_demo_face(face_table, shift):
    assert face_table.loc[("demo", f"shift {shift} px"), "epe"] <= 0.10


def test_the_default_on_a_photograph():
    data = pytest.importorskip("skimage.data", reason="the photograph is scikit-image's, which is not installed")
    table = flow_accuracy(photo=data.astronaut(), methods={name: FLOWS[name] for name in CLASSICAL}, pairs=6)
    epe = table.pivot(index="motion", columns="method", values="epe")
    assert (epe.loc[["shift 0.3 px", "shift 0.5 px", "shift 1.0 px"], DEFAULT] <= 0.10).all()
    fields = epe.loc[[name for name in BINS if name in epe.index]].mean()
    assert fields.idxmin() == DEFAULT


def test_the_table_is_tidy(face_table):
    assert set(face_table.index.get_level_values("source")) == {"photo", "demo"}
    assert list(face_table.columns) == ["method", "epe", "angle", "pixels", "ms"]
    assert (face_table["epe"] > 0).all() and (face_table["pixels"] > 0).all()
    assert (
        face_table["epe"].drop("over 2 px", level="motion").max() < 0.6
    )  # furrows change the light, and with it the flow


def test_every_variant_of_the_accuracy_table_is_a_flow_of_its_own():
    """Except TV-L1, which takes seconds, each gives another field; no flow is none."""
    pair = [texture(64, 64, 0), disturb(texture(64, 64, 0), 3, 0.95, np.random.default_rng(0))]
    flows = {name: solve(*pair) for name, solve in VARIANTS.items() if "TV-L1" not in name}
    assert all(flow.shape == (2, 64, 64) for flow in flows.values()) and not flows.pop("no flow").any()
    assert len({flow.tobytes() for flow in flows.values()}) == len(flows) == 6


@pytest.mark.parametrize("method", CLASSICAL)
def test_every_method_beats_no_flow(method):
    rng = np.random.default_rng(0)
    onset, apex, true = move(texture(240, 240), smooth_field(120, 1.5, rng), 8)
    flow = FLOWS[method](disturb(onset, 2, 1, rng), disturb(apex, 2, 1.05, rng))
    assert flow.shape == true.shape and flow.dtype == np.float32
    assert endpoint_error(flow, true).mean() < 0.35 * endpoint_error(0 * true, true).mean()


@pytest.mark.parametrize("size", [32, 65, 224])
def test_x_comes_first_and_any_size_works(size):
    image = texture(size, size)
    moved = cv2.warpAffine(image, np.float32([[1, 0, 1], [0, 1, 0]]), (size, size), borderMode=cv2.BORDER_REFLECT)
    flow = FLOWS[DEFAULT](image, moved)[:, size // 4 : -size // 4, size // 4 : -size // 4]
    np.testing.assert_allclose(flow.mean((1, 2)), [1, 0], atol=0.05)


@pytest.mark.parametrize("method", CLASSICAL)
def test_swapping_the_pair_flips_the_sign(method):
    onset, apex, true = move(texture(240, 240), smooth_field(120, 1.0, np.random.default_rng(1)), 8)
    forth, back = FLOWS[method](onset, apex), FLOWS[method](apex, onset)
    assert endpoint_error(forth, -back).mean() < 0.2 * np.linalg.norm(true, axis=0).mean()


def test_light_that_changes_is_no_motion():
    image = texture(96, 96)
    assert np.abs(FLOWS[DEFAULT](image, disturb(image, 0, 0.9, np.random.default_rng(0)))).max() < 0.05


def test_flat_frames_give_no_flow():
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert np.abs(FLOWS[DEFAULT](flat, flat)).max() == 0


def test_move_agrees_with_a_shift_done_by_hand():
    photo = texture(160, 160)
    onset, apex, flow = move(photo, np.float32([1, -2])[:, None, None] * np.ones((2, 80, 80), np.float32), 8)
    np.testing.assert_array_equal(onset[10:40, 10:40], apex[8:38, 11:41])
    np.testing.assert_allclose(flow, np.float32([1, -2])[:, None, None] * np.ones_like(flow), atol=1e-5)


def test_errors_are_those_of_the_books():
    flow, true = np.zeros((2, 1, 1)), np.array([3.0, 4.0]).reshape(2, 1, 1)
    assert endpoint_error(flow, true).item() == pytest.approx(5)
    assert angular_error(flow, true).item() == pytest.approx(np.degrees(np.arctan(5)))


def test_head_motion_is_removed_and_the_expression_stays():
    y, x = np.indices((64, 64)) / 64 - 0.5
    act = smooth_field(64, 1.5, np.random.default_rng(3), bumps=1)
    head = np.stack([0.8 + 0.5 * x - 0.9 * y, -0.4 + 0.9 * x + 0.5 * y])
    np.testing.assert_allclose(remove_head_motion(head.astype(np.float32)), 0, atol=1e-4)
    assert np.abs(remove_head_motion((act + head).astype(np.float32)) - act).mean() < 0.05


def test_a_shrunk_flow_counts_in_its_own_pixels():
    np.testing.assert_allclose(shrink_flow(np.full((2, 224, 224), 3, np.float32), 64), 3 * 64 / 224, rtol=1e-5)


def test_tvl1_without_scikit_image_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.registration", None)
    with pytest.raises(FlowError, match="pip install scikit-image"):
        FLOWS["tvl1"](np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8))


@pytest.fixture(scope="module")
def raft_file(tmp_path_factory):
    """Random weights of torchvision's raft_small as .pth, beside them the same as float16 .safetensors."""
    from safetensors.torch import save_file
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    state = raft_small(weights=None).state_dict()
    torch.save(state, path)
    half = {name: tensor.half() for name, tensor in state.items()}
    save_file(half, path.with_suffix(".safetensors"))
    save_file(half, path.with_name("zoomed.safetensors"), {"zoom": "2"})
    return path


def test_raft_runs_with_weights_from_a_file(raft_file):
    onsets, apexes = (np.stack([texture(96, 96, seed) for seed in seeds]) for seeds in ((0, 1), (2, 3)))
    flows = flow_solver("raft_small", raft_file)(onsets, apexes)
    assert flows.shape == (2, 2, 96, 96) and flows.dtype == np.float32 and np.isfinite(flows).all()
    (one,) = flow_solver("raft_small", raft_file)(onsets[1:], apexes[1:])
    np.testing.assert_allclose(one, flows[1], atol=1e-2)


def test_raft_takes_float16_safetensors_and_enlarges_for_weights_that_say_so(raft_file):
    """Pictures of 128 px for weights that want them twice as large are pictures of 256 px for weights that do not."""
    small = [np.stack([texture(128, 128, seed)]) for seed in (0, 2)]
    flows = [flow_solver("raft_small", raft_file.with_suffix(suffix))(*small) for suffix in (".pth", ".safetensors")]
    np.testing.assert_allclose(*flows, atol=0.02 * np.abs(flows[0]).max())
    enlarged = [cv2.resize(image[0], (256, 256), interpolation=cv2.INTER_LINEAR)[None] for image in small]
    large = flow_solver("raft_small", raft_file.with_suffix(".safetensors"))(*enlarged)
    zoomed = flow_solver("raft_small", raft_file.with_name("zoomed.safetensors"))(*small)
    halved = large.reshape(1, 2, 128, 2, 128, 2).mean((3, 5)) / 2
    assert np.abs(zoomed - halved).mean() < 0.1 * np.abs(flows[1] - halved).mean()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_raft_weights_of_another_model_are_refused(suffix, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / f"other{suffix}"
    (torch.save if suffix == ".pth" else save_file)({"a": torch.zeros(1)}, path)
    with pytest.raises(FlowError, match="not those of torchvision's raft_small"):
        flow_solver("raft_small", path)
    path.write_bytes(b"no weights")
    with pytest.raises(FlowError, match="not those of torchvision's raft_small"):
        flow_solver("raft_small", path)


def test_missing_raft_weights_say_where_to_get_them(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FlowError, match=r"Download https://download.pytorch.org/.*raft_large.*flow_weights"):
        flow_solver("raft_large")
    with pytest.raises(FlowError, match="flow_weights"):
        flow_solver("raft_small", tmp_path / "nowhere.pth")
