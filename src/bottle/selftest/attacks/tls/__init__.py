"""The sidecar speaks no outdated TLS, and to no server that cannot prove to be the host that was granted."""
