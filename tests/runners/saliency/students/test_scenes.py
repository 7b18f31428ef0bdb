from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smokegate.errors import UsageError
from smokegate_runners.saliency.agreement.block_iou import Rule
from smokegate_runners.saliency.contests import evaluation
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students import effects, png, scenes, sets, shapes, textures
from smokegate_runners.saliency.students.draws import Draws

SMALL = {
    "training": "8e5b4ae6006d9250e4d7169d2cd700e3d80ff4ef35b8a7ff82c9a53e598c1c1e",
    "held-out": "2add6a18f5fa3db0a30bca89b13a36dc151fa233953f3a1d1ef6fe7a87899d3f",
    "evaluation": "746cdec26abbb951087ae4a70546de345cda0871333a0b8b549f08295f9f8b43",
}
"""Digests of the first twelve scenes of each set. Another one means other scenes: then whatever names a set's digest,
the students' sidecars first, speaks of scenes that nobody can make again."""


@pytest.mark.parametrize("name", SMALL)
def test_the_scenes_are_those_that_the_students_were_trained_on(name: str) -> None:
    assert sets.digest(sets.SETS[name].first(12).scenes()) == SMALL[name]


def test_written_twice_they_are_the_same_bytes_and_what_the_index_says(tmp_path: Path) -> None:
    chosen = sets.EVALUATION.first(12)
    digests = [sets.write(chosen.scenes(), tmp_path / name) for name in ("one", "other")]
    assert digests == [SMALL["evaluation"]] * 2
    found = evaluation.read(tmp_path / "one", Rule())
    assert found.digest == SMALL["evaluation"]
    assert [item.source for item in found.items] == sorted(textures.ASKED) * 2
    for item, one in zip(found.items, chosen.scenes(), strict=True):
        loaded = found.load(item, Rule())
        np.testing.assert_array_equal(loaded.rgb, one.image)
        assert loaded.salient.any() and set(one.objects) <= set(item.id.split("-"))


def test_another_process_with_other_settings_makes_the_same() -> None:
    code = (
        "from smokegate_runners.saliency.students import sets; print(sets.digest(sets.EVALUATION.first(12).scenes()))"
    )
    settings = {
        **os.environ,
        "PYTHONHASHSEED": "7",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=settings, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == SMALL["evaluation"]


def test_a_smaller_set_is_the_beginning_of_a_larger_one() -> None:
    few, more = (list(sets.TRAINING.first(count).scenes()) for count in (3, 7))
    for one, other in zip(few, more, strict=False):
        assert one.image.tobytes() == other.image.tobytes() and one.mask.tobytes() == other.mask.tobytes()


def test_what_is_asked_was_not_learnt() -> None:
    assert not set(textures.LEARNT) & set(textures.ASKED)
    assert not set(shapes.LEARNT) & set(shapes.ASKED)
    assert [one.kinds for one in sets.SETS.values()] == [sets.LEARNT, sets.LEARNT, sets.ASKED]
    assert len({one.seed for one in sets.SETS.values()}) == len(sets.SETS)
    pictures = [one.image.tobytes() for made in sets.SETS.values() for one in made.first(40).scenes()]
    assert len(set(pictures)) == len(pictures)


def test_the_evaluation_set_is_one_that_the_policy_accepts_by_its_size() -> None:
    from smokegate.policy_file import default_policy

    least = default_policy().policy.corpora
    assert sets.EVALUATION.count >= least.min_rows
    assert len(sets.EVALUATION.kinds.textures) >= least.min_sources


@settings(max_examples=60, deadline=None)
@given(
    key=st.integers(0, 2**64 - 1),
    kinds=st.sampled_from([sets.LEARNT, sets.ASKED]),
    size=st.sampled_from([Size(96, 96), Size(128, 96), Size(64, 48), Size(161, 90)]),
)
def test_any_scene_has_something_to_find_and_something_that_is_none(key: int, kinds: scenes.Kinds, size: Size) -> None:
    source = sorted(kinds.textures)[key % len(kinds.textures)]
    one = scenes.scene(Draws(key), kinds, source, size)
    assert one.image.shape == (size.height, size.width, 3) and one.mask.shape == one.image.shape[:2]
    assert one.source == source and 1 <= len(one.objects) <= 3
    rule = Rule()
    blocks = rule.salient(rule.sums(one.mask), 255)
    assert blocks.any() and not blocks.all()
    assert len(np.unique(one.image.reshape(-1, 3), axis=0)) > 8


@pytest.mark.parametrize("name", [*textures.LEARNT, *textures.ASKED])
@given(key=st.integers(0, 2**64 - 1))
@settings(max_examples=15, deadline=None)
def test_a_texture_stays_within_bounds_and_is_not_flat(name: str, key: int) -> None:
    size = Size(80, 64)
    field = {**textures.LEARNT, **textures.ASKED}[name](Draws(key), size)
    assert field.shape == (64, 80)
    assert 0.0 <= field.min() < field.max() <= 1.0


@pytest.mark.parametrize("name", [*shapes.LEARNT, *shapes.ASKED])
@given(key=st.integers(0, 2**64 - 1))
@settings(max_examples=15, deadline=None)
def test_a_shape_lies_around_its_centre_and_within_its_radius(name: str, key: int) -> None:
    size, draws = Size(100, 100), Draws(key)
    place = shapes.frame(draws.of(0), size, 30.0, 50.0, 50.0)
    cover = shapes.covered({**shapes.LEARNT, **shapes.ASKED}[name](draws.of(1), place))
    assert (cover.min(), cover.max()) == (0.0, 1.0)
    far = place.u * place.u + place.v * place.v
    assert cover[far > (30.0 * 1.5 + 2) ** 2].max() == 0.0
    assert 0.03 < cover.mean() < 0.36


def test_objects_differ_from_the_ground_more_than_what_only_seems_to() -> None:
    """By colour or, now and then, by texture alone: of most, the middle colour is far from the ground's."""
    gaps = []
    for one in sets.EVALUATION.first(60).scenes():
        inside, outside = one.mask == 255, one.mask == 0
        colours = [tuple(np.median(one.image[part], axis=0) / 255) for part in (inside, outside)]
        gaps.append(scenes.apart(*colours))
    assert np.quantile(gaps, 0.25) > 0.12


def test_draws_are_even_and_streams_their_own() -> None:
    draws = Draws(5)
    field = draws.field(200, 300)
    assert abs(field.mean() - 0.5) < 0.01 and abs(field.std() - 12**-0.5) < 0.01
    assert abs(np.corrcoef(field.ravel()[:-1], field.ravel()[1:])[0, 1]) < 0.02
    counted = Counter(draws.whole(0, 4) for _ in range(5000))
    assert set(counted) == set(range(5)) and min(counted.values()) > 850
    assert len({Draws(5).of(*key).unit() for key in [(0,), (1,), (0, 0), (0, 1), (1, 0)]}) == 5
    before = draws.of(3).unit()
    draws.unit()
    assert draws.of(3).unit() == before
    turns = [draws.turn() for _ in range(2000)]
    assert max(abs(cos * cos + sin * sin - 1) for cos, sin in turns) < 1e-12
    assert {(cos > 0, sin > 0) for cos, sin in turns} == {(True, True), (True, False), (False, True), (False, False)}


def test_a_soft_lens_moves_no_light_away() -> None:
    image = np.zeros((9, 9, 3))
    image[4, 4] = 1.0
    soft = effects.softened(image)
    np.testing.assert_array_equal(soft[3:6, 3:6, 0] * 16, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    np.testing.assert_array_equal(effects.softened(np.full((5, 7, 3), 0.25)), np.full((5, 7, 3), 0.25))


@pytest.mark.parametrize("shape", [(1, 1), (48, 64, 3), (300, 301), (200, 400, 3)])
def test_pictures_are_read_by_others_as_they_were_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Larger than one stored block of deflate, too."""
    pixels = (Draws(1).field(1, int(np.prod(shape))) * 256).astype(np.uint8).reshape(shape)
    path = tmp_path / "one.png"
    path.write_bytes(png.encoded(pixels))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        read = frame.to_ndarray(format="rgb24" if len(shape) == 3 else "gray")
    np.testing.assert_array_equal(read, pixels)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match=r"is not empty: it holds 'mine\.txt'"):
        sets.write(sets.EVALUATION.first(2).scenes(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UsageError, match="cannot write"):
        sets.write(sets.EVALUATION.first(2).scenes(), tmp_path / "mine.txt")
