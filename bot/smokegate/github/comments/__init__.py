"""Comments read and written: commands, who may give them, and our own marked answers."""
