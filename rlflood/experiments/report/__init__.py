"""The page of a study: one HTML file that needs no network."""

from rlflood.experiments.report.page import page

__all__ = ["page"]
