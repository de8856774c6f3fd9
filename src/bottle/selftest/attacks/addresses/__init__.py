"""No network address can be reached from a bottle but its sidecar's listener."""
