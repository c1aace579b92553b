import numpy as np

from melib.corpus.index import CLASSES
from melib.figures.gan import strips as draw_strips
from melib.gan.examples import SIZES, UNITS, centroid_faces, face_maker, first_faces, strips
from melib.gan.train import generate
from tests.gan.conftest import gan_settings


def test_a_face_of_each_training_dataset_with_each_class_centroid(made):
    fold, trained, _ = made
    faces = centroid_faces(fold, trained)
    assert sorted(faces) == sorted((name, label) for name in fold.sources for label in CLASSES)
    assert "SAMM" not in {name for name, _ in faces}
    for (name, label), (source, colour, attention, result) in faces.items():
        (row,) = [row for row in first_faces(fold) if fold.index["dataset"].iloc[row] == name]
        assert np.array_equal(source, fold.data.samples.arrays["onset"][row])
        aus = fold.clusters.centroids.loc[[label]].to_numpy()
        alone = generate(trained.generator, source[None], aus, fold.settings)[0]
        assert np.abs(result.astype(int) - alone).max() <= 1  # batches of other sizes differ in the last bit
        assert colour.shape == source.shape and 0 <= attention.min() <= attention.max() <= 1


def test_strips_ask_for_single_aus_and_growing_centroids(made):
    fold, trained, _ = made
    (single, units), (growing, sizes) = strips(fold, trained).items()
    assert single == UNITS and growing[1] == "surprise × 1" and len(growing) == len(SIZES)
    face = fold.data.samples.arrays["onset"][first_faces(fold)[:1]]
    vector = 5.0 * (fold.clusters.centroids.columns == UNITS[2])[None]
    for made_face, aus in ((units[2], vector), (sizes[0], np.zeros((1, 17)))):
        assert np.array_equal(made_face, generate(trained.generator, face, fold.possible(aus), fold.settings)[0])
    another = fold.data.samples.arrays["onset"][first_faces(fold)[1]]
    assert not np.array_equal(face_maker(fold, trained)(another, vector[0]), units[2])
    assert not np.array_equal(sizes[0], sizes[-1])
    figure = draw_strips({single: units, growing: sizes})
    assert [text.get_text() for text in figure.axes[0].texts] == list(UNITS)


def test_figures_of_another_preset_have_another_name():
    assert gan_settings().figure_name("gan_faces") == "gan_faces"
    assert gan_settings(preset="ulme-gan").figure_name("gan_faces") == "gan_faces_ulme-gan"
