"""The library, or a part of it, in forms that other programs read.

One module writes one kind: `tables` (CSV, JSON, JSON lines), `arrays` (npz), `parquet`, `playlist`
and `tree`. `columns` says what they hold, `destination` puts a file in its place in one step.
"""
