"""Applying what changed on the disk: the only writer of samples, analyses and neighbours."""

from libindex.indexing.scan import Indexer, add_folder, forget_root
from libindex.indexing.summary import Change, Progress, ScanSummary

__all__ = ["Change", "Indexer", "Progress", "ScanSummary", "add_folder", "forget_root"]
