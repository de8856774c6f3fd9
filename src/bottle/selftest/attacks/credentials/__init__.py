"""The real credential is nowhere in a bottle; what the agent holds is worth nothing anywhere else."""
