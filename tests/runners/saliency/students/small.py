"""Students that take seconds."""

from __future__ import annotations

from dataclasses import replace

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students import sets, training
from smokegate_runners.saliency.students.recipe import Recipe
from smokegate_runners.saliency.students.sets import SceneSet
from smokegate_runners.saliency.students.training import Lessons

QUICK = Recipe(epochs=3, batch_size=8, widths=(4, 4, 8, 8))


def few(count: int = 24) -> SceneSet:
    return replace(sets.TRAINING, size=Size(64, 48), count=count)


def taught(count: int = 24) -> Lessons:
    return training.lessons(few(count))
