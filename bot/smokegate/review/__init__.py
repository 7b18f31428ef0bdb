"""Bringing a change before the judge: which trees, which registries, which law."""
