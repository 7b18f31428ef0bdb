"""Who leaves a registry with a record, and the command that writes it."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.law import Law
from smokegate.judge.shell import word


def gets_its_name(step: Step) -> bool:
    """A row without an id, or with one that is another's too, gets its own: no record could name it before."""
    return bool(step.renamed and step.before and step.after and not step.before.named and step.after.named)


def command(change: RegistryChange, law: Law, entry_id: str, successor: str | None = None) -> str:
    """Where there are several registries, it has to say which."""
    words = ["smokegate", "retire", word(entry_id), "--reason", '"..."']
    words += ["--superseded-by", word(successor)] if successor else []
    words += ["--registry", word(change.head.registry_path)] if len(law.registries) > 1 else []
    return " ".join(words)
