"""Measures, each against a floor in the same run: what the barest code that does the same work reaches.

Rounds of ours and of the floor alternate, so that a noisy machine is noisy for both; medians are compared.
"""
