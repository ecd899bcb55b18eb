"""Customers kept apart: what one customer's principal reaches of another, by every way in."""
