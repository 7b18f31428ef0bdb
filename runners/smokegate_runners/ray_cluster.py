"""Joining a Ray cluster: the one that is named, or one of this machine's own for the length of a run."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate_runners.engine_turns import one_line
from smokegate_runners.saliency import cores

LOCAL = "local"
_REACHED_SECONDS = 10.0
# Results are a few hundred bytes each. Ray's own default is a third of the memory, and 75 MiB its least.
_STORE_BYTES = 100 << 20
# Ray puts sockets under its folder, at names of 64 characters, and a socket's whole path has 107 at most.
_LONGEST_FOLDER = 40


@contextmanager
def joined(address: str | None, workers: int | None, gpus_per_worker: float) -> Iterator[Any]:
    """The `ray` module, connected. RAY_ADDRESS counts as in every Ray program; `local` is this machine's own."""
    where = address or os.environ.get("RAY_ADDRESS") or LOCAL
    with ExitStack() as stack:
        stack.enter_context(_environment(_settings(where)))
        ray = _module()
        if where == LOCAL:
            folder = stack.enter_context(_folder())
            with _terms_kept():
                _start(ray, folder, workers, gpus_per_worker)
        else:
            _reachable(where)
            with _terms_kept():
                _join(ray, where)
        stack.callback(ray.shutdown)
        yield ray


def _module() -> Any:
    try:
        import ray  # noqa: PLC0415
    except ImportError:
        raise UsageError("Ray is not installed", fix="python -m pip install 'smokegate[cluster]'") from None
    return ray


def _start(ray: Any, folder: Path, workers: int | None, gpus_per_worker: float) -> None:
    try:
        ray.init(
            address=LOCAL,
            num_cpus=workers or cores.usable(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=_STORE_BYTES,
            _temp_dir=str(folder),
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise UsageError(f"Ray does not start on this machine: {one_line(error)}", fix="--engine local") from None
    there = ray.cluster_resources().get("GPU", 0.0)
    if gpus_per_worker > there:
        ray.shutdown()
        raise UsageError(
            f"--gpus-per-worker {gpus_per_worker:g}: Ray finds {there:g} GPUs on this machine",
            fix="leave it out, or name a cluster with --address",
        )


def _join(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:
        raise UsageError(
            f"the Ray cluster at {address} cannot be joined: {one_line(error)}",
            fix="run this on a node of the cluster, with its Ray and Python versions and its RAY_AUTH_TOKEN",
        ) from None


def _reachable(address: str) -> None:
    """Ray itself tries for minutes, and says little."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit()):
        raise UsageError(
            f"--address {address}: a cluster is named HOST:PORT (the port of `ray start --head`), `auto` or `local`",
            fix="run on a node of the cluster; ray:// is for programs that run elsewhere, which see none of its files",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"no Ray cluster answers at {address}: {one_line(error)}",
            fix="ray status, on the head node, says the address",
        ) from None


def _settings(where: str) -> Mapping[str, str]:
    """Nothing is sent anywhere, nothing is written to the home folder, and standard output is ours.

    A cluster that starts without these makes a token and keeps it at home. Without a token at all, whoever reaches
    its ports runs what they like. Ray prints the last lines of a lost node's log, among others, to standard output.
    """
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": ".*"}
    if where != LOCAL or "RAY_AUTH_MODE" in os.environ:
        return quiet
    return {**quiet, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()}


@cache
def _token() -> str:
    """One for a process: Ray reads it once."""
    return secrets.token_hex(32)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _terms_kept() -> Iterator[None]:
    """`ray.init` puts its own handler of SIGTERM in the place of ours; it leaves the program, with 15 and no word."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if callable(before):
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _folder() -> Iterator[Path]:
    base = tempfile.gettempdir() if len(tempfile.gettempdir()) <= _LONGEST_FOLDER - 16 else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="sg-ray-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
