"""Answers: the only reader of the library."""

from libindex.queries.filters import SORTS, FilterArgs, Filters, Sort
from libindex.queries.find import Hit, count, find, similar
from libindex.queries.inspect import Failure, SampleInfo, Status, failures, info, status
from libindex.queries.lookup import Network, Sample, current_network, sample_at, samples_named
from libindex.queries.records import info_record, record
from libindex.queries.subject import Subject, sample_meant, subject

__all__ = [
    "SORTS",
    "Failure",
    "FilterArgs",
    "Filters",
    "Hit",
    "Network",
    "Sample",
    "SampleInfo",
    "Sort",
    "Status",
    "Subject",
    "count",
    "current_network",
    "failures",
    "find",
    "info",
    "info_record",
    "record",
    "sample_at",
    "sample_meant",
    "samples_named",
    "similar",
    "status",
    "subject",
]
