"""On the runner: a request held to GitHub, a harness run, and what it leaves."""
