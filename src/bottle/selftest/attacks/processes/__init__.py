"""An agent sees, signals, traces and joins no process but its bottle's own, and gains no right."""
