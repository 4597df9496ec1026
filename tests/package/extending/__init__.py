"""An objective, a decoder and an index of a user's own; `test_extending.py` also makes them members of kuamo."""
