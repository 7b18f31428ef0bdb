"""The step of a workflow that we are: its event, its files, its words."""
