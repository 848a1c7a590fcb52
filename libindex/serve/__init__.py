"""The page: a web server for this machine only, and what it shows.

`app` puts it together, `guard` decides who is let in, `replies` makes routes of plain functions,
and `routes` has them. The other modules are what routes share, as fields of the `Context`.
"""
