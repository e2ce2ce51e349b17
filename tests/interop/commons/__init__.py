"""The commons node's formats and protocol a second time, written from SPEC.md alone.

It exists to be compared with the node: over golden vectors, and over live links.
"""
