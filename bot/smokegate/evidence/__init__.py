"""PROMOTE and HOLD documents: what was measured, on what, and what follows from it."""
