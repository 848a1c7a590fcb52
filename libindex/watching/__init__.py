"""The daemon: it notices what happens to files, and keeps the library up to date.

`watcher` is the loop. `events` reports what happens in folders, `hints` keeps the paths until they
are due, `places` knows the folders, and `work` has the indexing process (`indexer`) look at them.
`report` is what others see: the log and the activity file.
"""
