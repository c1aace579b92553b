"""Table 1 and its extensions, by hand."""

import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import CLASSES, DATASETS, TABLE1, make_index
from melib.prepare.describe import against_paper, clearest, clip_facts, most_moving, readable, table1, typical
from melib.prepare.samples import Samples


def clip(dataset, number, label="positive", **more):
    base = dict(
        dataset=dataset, subject=f"{dataset}/s{number % 2}", clip=f"c{number}", emotion="happiness", label=label
    )
    return {"clip_id": f"{dataset}/{number}", "onset": 10, "apex": 15, "offset": 30, "fps": 100, **base, **more}


def made(rows, motion):
    """Samples of these index rows whose flow is `motion` (a number a clip, px along x) on crops of 20 px."""
    flow = np.zeros((len(rows), 2, 20, 20), np.float16)
    flow[:, 0] = np.reshape(motion, (-1, 1, 1))
    return Samples(make_index(rows), {"flow": flow})


def test_facts_of_a_clip():
    (fact,) = clip_facts(made([clip("SAMM", 0)], [1.5])).to_dict("records")
    assert (fact["frames"], fact["ms"], fact["apex"], fact["fps"]) == (21, 200, 25, 100)
    assert fact["motion"] == pytest.approx(7.5)  # 1.5 px of 20


def test_motion_is_what_the_most_moved_twentieth_of_the_face_exceeds():
    samples = made([clip("SAMM", 0)], [0])
    samples.arrays["flow"][0, :, :2] = np.reshape([3, 4], (2, 1, 1))  # a tenth of the face moves by 5 px
    assert clip_facts(samples)["motion"].item() == pytest.approx(25)
    samples.arrays["flow"][0, :, 1:] = 0  # a twentieth less
    assert clip_facts(samples)["motion"].item() < 25


def test_what_the_samples_do_not_tell_is_missing():
    index = pd.DataFrame({"clip_id": ["a"], "dataset": ["SAMM"], "subject": ["s"], "label": ["positive"]})
    facts = clip_facts(Samples(index, {"flow_image": np.zeros((1, 8, 8, 3), np.uint8)}))
    assert facts[["fps", "frames", "ms", "apex", "motion"]].isna().all(axis=None)
    assert readable(table1(index, facts)).index.tolist()[-1] == "subjects"
    assert typical(facts, "positive") == []


def test_table_counts_clips_and_what_was_skipped():
    rows = [clip("SMIC", n) for n in range(4)] + [clip("SMIC", 4, "negative"), clip("SMIC", 5, None)]
    rows += [clip("MMEW", 0, "surprise", offset=20), clip("MMEW", 1, "surprise", offset=40)]
    prepared = [row for row in rows if row["label"] and row["clip_id"] != "SMIC/0"]
    table = table1(make_index(rows), clip_facts(made(prepared, [1] * len(prepared)))).set_index("dataset")
    assert table.index.tolist() == ["SMIC", "MMEW"]
    assert table.loc["SMIC", ["positive", "negative", "surprise", "clips", "skipped", "subjects"]].tolist() == [
        4,
        1,
        0,
        5,
        1,
        2,
    ]
    assert table.loc["SMIC", ["paper_positive", "paper_negative", "paper_surprise"]].tolist() == [51, 70, 43]
    assert not table["as_paper"].any()
    assert table.loc["MMEW", ["ms", "ms_min", "ms_max"]].tolist() == [200, 100, 300]
    assert readable(table.reset_index()).loc["duration (ms)", "MMEW"] == "200 (100–300)"


def test_table_sees_the_papers_counts():
    labels = {
        d: [n for n, k in zip(("positive", "negative", "surprise"), TABLE1[d], strict=True) for _ in range(k)]
        for d in DATASETS
    }
    index = make_index([clip(d, n, label) for d in DATASETS for n, label in enumerate(labels[d])])
    facts = index[["dataset"]].assign(**dict.fromkeys(("fps", "frames", "ms", "apex", "motion"), 1.0))
    table = table1(index, facts)
    assert table["as_paper"].all()
    assert (table["clips"].sum(), table["skipped"].sum()) == (731, 0)


def test_clips_to_show_are_chosen_by_their_motion():
    rows = [clip("MMEW", n) for n in range(3)] + [clip("SMIC", n) for n in range(4)] + [clip("SMIC", 9, "negative")]
    facts = clip_facts(made(rows, [1, 9, 2, 5, 6, 7, 30, 6]))
    facts = facts.set_index("clip_id").loc[[row["clip_id"] for row in rows]].reset_index()
    facts["motion"] = [1, 9, 2, 5, 6.4, 7, 30, 6.6]
    assert typical(facts, "positive") == ["SMIC/1", "MMEW/2"]  # medians 6.7 and 2
    assert most_moving(facts, 1) == ["MMEW/2", "SMIC/2"]
    assert set(most_moving(facts, 5)) == {"MMEW/2", "MMEW/1", "SMIC/2", "SMIC/3"}


def test_the_clearest_clip_has_an_annotated_apex_and_whole_frames():
    index = pd.DataFrame(
        {"clip_id": list("abcd"), "apex_source": ["annotated", "spotted", "annotated", "annotated"],
         "cropped": [False, False, True, False]}
    )  # fmt: skip
    facts = pd.DataFrame({"motion": [1.0, 9.0, 9.0, 2.0]})
    assert clearest(facts, index) == "d"
    assert clearest(facts, index.assign(cropped=True)) is None


def test_counts_are_compared_with_the_papers_where_it_has_any():
    def counted(*rows):
        return against_paper(table1(make_index(list(rows)), clip_facts(made(list(rows), [1] * len(rows)))))

    assert counted(clip("pilot", 0)) == "None of these datasets is among the paper's five."
    assert counted(clip("CASME2", 0), clip("pilot", 0)) == "Not as in the paper: CASME II."
    smic = [clip("SMIC", 100 * k + n, label) for k, label in enumerate(CLASSES) for n in range(TABLE1["SMIC"][k])]
    assert counted(*smic, clip("pilot", 0)) == "All counts that the paper states are met."
