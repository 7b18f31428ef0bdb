"""The checks. Adding one is: a file, a row in `table.py`, a section in docs/checks.md, a passing and a failing case."""
