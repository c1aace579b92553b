import numpy as np
import pytest

from melib.aus.face import DrawnFace
from melib.aus.table import AUS, AUError


@pytest.fixture(scope="module")
def face():
    return DrawnFace(160)


def one(au, intensity=1.0):
    return [intensity * (au == other) for other in AUS]


@pytest.mark.parametrize(
    ("au", "rows"), [(1, slice(0, 64)), (12, slice(80, 160)), (26, slice(80, 160)), (5, slice(40, 80))]
)
def test_an_au_changes_the_face_where_it_acts(face, au, rows):
    change = np.abs(face.draw(one(au, 2.0)).astype(int) - face.draw(one(au, 0.0)))
    assert change[rows].sum() > 0.9 * change.sum() > 0


def test_skin_moves_the_way_the_au_pulls_and_in_proportion(face):
    brow = face.moves(one(1))
    assert brow[1].min() < 0 and abs(brow[1].max()) < 0.05 * abs(brow[1].min())  # up, in a picture
    np.testing.assert_allclose(face.moves(one(1, 2.0), 3), 6 * brow, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(brow[1], brow[1][:, ::-1], atol=1e-5)  # both sides alike


def test_a_vector_that_is_none_is_refused(face):
    with pytest.raises(AUError, match="expected 17 finite intensities"):
        face.draw([1.0])
    with pytest.raises(AUError, match="expected 17 finite"):
        face.draw([np.nan] * 17)
