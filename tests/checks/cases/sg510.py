"""SG510: where the corpus lies in the tree, the judge measures the subjects again and gets the same numbers."""

from __future__ import annotations

import flips
import onnx_models
from forge import Forge


def passing(forge: Forge) -> None:
    table = flips.fitted_ensemble(forge)
    forge.evidence(*flips.ENSEMBLE, table=table)
    forge.commit()


def failing(forge: Forge) -> str:
    crude = onnx_models.regressor((1.0, 0, 0, 0, 0, 0))
    table = flips.fitted_ensemble(forge, models={flips.ENSEMBLE[3]: crude})
    invented = {"fp32": {"rows": table.rows, "plcc": 0.9999, "srocc": 0.9998, "rmse": 0.1}, "int8": None}
    forge.evidence(*flips.ENSEMBLE, table=table, measured={flips.ENSEMBLE[3]: invented})
    forge.commit()
    return flips.ENSEMBLE[3]
