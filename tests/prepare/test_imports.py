"""Pictures and a table as samples: the public layout, one of one's own, and what is refused."""

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from melib.cli import main
from melib.corpus.index import CLASSES, CorpusError
from melib.learning.fit import fit
from melib.prepare.imports import KNOWN, import_images
from melib.prepare.samples import Samples
from tests.learning.test_real import LINEAR, megc2019, run

NUMBERS = {"negative": "0", "positive": "1", "surprise": "2"}


def lay_out(root, index, images):
    """Pictures and table as the public repositories of flow networks have them: a blank before .png, labels 0 to 2."""
    folder = root / KNOWN[1]
    folder.mkdir(parents=True)
    names = index["subject"].str.split("/").str[1]
    for subject, clip, image in zip(names, index["clip"], images, strict=True):
        assert cv2.imwrite(str(folder / f"{subject}_{clip} .png"), image[..., ::-1])
    table = pd.DataFrame({"dataset": index["dataset"].str.lower(), "sub": names, "filename_o": index["clip"]})
    table["label"] = index["label"].map(NUMBERS)
    table.assign(apex="", imagename=names + "_x.jpg").to_csv(root / KNOWN[0], index=False)
    return root


@pytest.fixture
def small(tmp_path):
    index = pd.DataFrame(
        {
            "dataset": ["SAMM", "SAMM", "SMIC"],
            "subject": ["SAMM/006", "SAMM/007", "SMIC/s01"],
            "clip": ["006_1_2", "007_3_1", "s01_ne_01"],
            "label": ["negative", "positive", "surprise"],
        }
    )
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), dtype=np.uint8)
    return lay_out(tmp_path / "clone", index, images), index, images


def test_a_clone_is_read_with_its_labels_and_the_zeros_of_its_subjects(small):
    root, index, images = small
    samples = import_images(root)
    np.testing.assert_array_equal(samples.arrays["flow_image"], images)
    for column in ("dataset", "subject", "clip", "label"):
        assert samples.index[column].tolist() == index[column].tolist()
    assert samples.index["clip_id"].tolist() == ["SAMM/006/006_1_2", "SAMM/007/007_3_1", "SMIC/s01/s01_ne_01"]


def test_the_command_writes_samples_that_a_run_opens(small, tmp_path, capsys):
    root, _, images = small
    for _ in range(2):  # a samples folder may be written again
        assert main(["import", str(root), "--to", str(tmp_path / "samples")]) == 0
    assert "3 clips" in capsys.readouterr().out
    np.testing.assert_array_equal(Samples.load(tmp_path / "samples").arrays["flow_image"], images)
    assert main(["import", str(root), "--to", str(root)]) == 2
    assert "no samples folder" in capsys.readouterr().err


def test_a_folder_of_ones_own(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.jpg"):
        cv2.imwrite(str(tmp_path / "pictures" / name), np.full((20, 24, 3), 100, np.uint8))
    table = "Dataset,Subject,Clip,Emotion,File\nmine,p1,c1,happiness,a.png\nCASME II,p2,c2,others,pictures/b.jpg\n"
    (tmp_path / "clips.csv").write_text(table)
    samples = import_images(tmp_path, "clips.csv")
    assert samples.index["dataset"].tolist() == ["mine", "CASME2"]
    assert samples.index["label"].isna().tolist()[1] and samples.arrays["flow_image"].shape == (2, 20, 24, 3)


def change(root, old, new):
    path = root / KNOWN[0]
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / KNOWN[0]).unlink(), "name its table"),
        (lambda root: change(root, "filename_o", "name"), r"lacks \['clip'\]"),
        (lambda root: change(root, "007_3_1,1", "007_3_1,7"), r"Labels \['7'\] are no classes"),
        (lambda root: change(root, "samm,007,", "samm,,"), "lines \\[3\\]"),
        (lambda root: (root / KNOWN[1] / "006_006_1_2 .png").unlink(), "1 of 3 clips have no picture"),
        (lambda root: shutil.copytree(root / KNOWN[1], root / KNOWN[1] / "again"), "has 2 pictures"),
        (lambda root: (root / KNOWN[1] / "006_006_1_2 .png").write_bytes(b"none"), "cannot be decoded"),
        (
            lambda root: cv2.imwrite(str(root / KNOWN[1] / "006_006_1_2 .png"), np.zeros((30, 28, 3), np.uint8)),
            "of 2 sizes",
        ),
    ],
)
def test_what_does_not_fit_is_refused(small, spoil, words):
    spoil(small[0])
    with pytest.raises(CorpusError, match=words):
        import_images(small[0])


def test_names_never_leave_the_folder(small):
    with pytest.raises(CorpusError, match="leads out of"):
        import_images(small[0], table="../elsewhere.csv")
    with pytest.raises(CorpusError, match="leads out of"):
        import_images(small[0], images="/tmp")


def test_442_real_clips_come_through_with_the_same_result(real_data, tmp_path):
    given = megc2019(real_data)
    samples = import_images(lay_out(tmp_path / "clone", given.index, given.arrays["flow_image"]))
    assert len(samples) == 442 and set(samples.index["label"]) == set(CLASSES)
    np.testing.assert_array_equal(samples.arrays["flow_image"], given.arrays["flow_image"])
    for held_out in ("CASME2", "SAMM", "SMIC"):
        setting = run(held_out=held_out, **LINEAR)
        uar = [fit(one, setting).history["held_out_uar"].iloc[0] for one in (samples, given)]
        assert uar[0] == uar[1]
