"""The attacks: a package for each claim, whose docstring states it, and a module for each attack."""
