"""From `/promote` to a dispatched run: bound to a verdict, locked by entry, started once."""
