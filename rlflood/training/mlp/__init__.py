"""Multilayer perceptrons, many trained as one stacked network."""
