"""Diagnosis: what a table or a space is like, before and after a fit: imbalance, correlation, cost, and what to do."""
