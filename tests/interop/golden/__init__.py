"""The parts of tests/vectors/golden.json; make_vectors.py puts them together."""
