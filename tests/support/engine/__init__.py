"""A container engine for the tests: the machine's own where one answers, else a private one.

The private engine is a dockerd in a network and a mount namespace of its own, so that neither the
machine's firewall nor its mount table is touched, and so that several can run side by side. Its base
image is bootstrapped from the machine's own package mirror and carries the machine's registry settings.
"""
