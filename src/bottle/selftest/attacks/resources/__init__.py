"""A bottle takes no more memory, processes, files and disk than it is granted, and harms nobody by trying."""
