"""The daemon: it notices what happens to the files, and keeps the library true.

`watcher` decides what is looked at and when; `events` are hints of the file system, `hints`
those that are not yet due; `indexer` is the process that looks, analyses and records; `activity`
is what others can see of it.
"""
