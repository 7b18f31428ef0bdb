"""Masks as files, and how far two of them agree."""
