"""Tests of the published job of a customer."""
