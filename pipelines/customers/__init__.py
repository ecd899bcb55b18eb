"""Customers: who they are, what they ask for, what they get, and what it costs; each kept apart from the others."""
