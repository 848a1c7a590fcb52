"""The page: a web server for this machine only, and what it shows.

`app` puts it together; `guard` decides who is let in; `replies` is how a function becomes a route.
Each of the other modules has the routes of one matter, as functions of a `Context`.
"""
