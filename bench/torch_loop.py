"""What people run today: PyTorch, a DataLoader, one model after another. Needs torch and numpy, and nothing of ours.

    python bench/torch_loop.py ROWS.npz --models 3 --epochs 5 --threads 1

ROWS.npz holds `features` [N,6], `codec` [N,14], `targets` [N] and `src` [N]. Prints seconds as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from typing import Any

import numpy as np

torch: Any = importlib.import_module("torch")  # where it is not installed, all else is checked all the same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows")
    parser.add_argument("--models", type=int, default=3, help="how many of the folds, the seeds in turn")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: as torch sees fit")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = np.load(options.rows)
    sources = sorted(set(rows["src"].tolist()))
    folds = [(seed, source) for seed in range(5) for source in sources][: options.models]
    one_model(rows, 0, sources[0], 1)  # to warm up
    started = time.perf_counter()
    for seed, source in folds:
        one_model(rows, seed, source, options.epochs)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "models": len(folds), "epochs": options.epochs, "torch": torch.__version__}))


def one_model(rows: np.lib.npyio.NpzFile, seed: int, held_out: str, epochs: int) -> None:
    torch.manual_seed(seed)
    kept = rows["src"] != held_out
    features, codec, targets = rows["features"][kept], rows["codec"][kept], rows["targets"][kept]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    data = torch.utils.data.TensorDataset(
        torch.from_numpy(np.concatenate([features, codec], axis=1)), torch.from_numpy(targets)
    )
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    network = torch.nn.Sequential(
        torch.nn.Linear(20, 64), torch.nn.GELU(), torch.nn.Dropout(0.1),
        torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Dropout(0.1),
        torch.nn.Linear(64, 1),
    )  # fmt: skip
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-4, weight_decay=1e-5)
    for _ in range(epochs):
        for inputs, scores in loader:
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(network(inputs)[:, 0], scores)
            loss.backward()
            optimiser.step()


if __name__ == "__main__":
    main()
