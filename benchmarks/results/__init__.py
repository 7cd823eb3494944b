"""The tables and figures of *Results*, made from ``docs/results``: ``python -m benchmarks.results``."""
