"""What a bottle takes of processes, memory and disk has a limit, which holds."""
