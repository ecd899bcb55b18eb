"""Releases: from a commit of the release branch to what customers get."""
