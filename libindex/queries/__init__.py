"""Answers: hits, information on samples, status."""

from libindex.queries.example import Example, find_example, resolve_sample
from libindex.queries.filters import SORTS, FilterArgs, Filters, Sort
from libindex.queries.find import Hit, count, find, similar
from libindex.queries.inspect import Failure, SampleInfo, Status, failures, info, status
from libindex.queries.lookup import Network, Sample, current_network, sample_at, samples_named
from libindex.queries.records import info_record, record
from libindex.queries.resolving import resolved

__all__ = [
    "SORTS",
    "Example",
    "Failure",
    "FilterArgs",
    "Filters",
    "Hit",
    "Network",
    "Sample",
    "SampleInfo",
    "Sort",
    "Status",
    "count",
    "current_network",
    "failures",
    "find",
    "find_example",
    "info",
    "info_record",
    "record",
    "resolve_sample",
    "resolved",
    "sample_at",
    "samples_named",
    "similar",
    "status",
]
