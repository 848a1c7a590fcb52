"""Speed and memory of libindex, measured: ``python -m benchmarks``, or ``make bench``."""
