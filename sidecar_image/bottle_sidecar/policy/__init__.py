"""What a bottle may do, decided without sockets, clocks, environment or disk. Host and sidecar share it."""
