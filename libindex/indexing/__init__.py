"""Applying what changed on the disk: the only writer of samples, analyses and neighbours."""

from libindex.indexing.scan import Indexer, Progress, ScanSummary, forget_root

__all__ = ["Indexer", "Progress", "ScanSummary", "forget_root"]
