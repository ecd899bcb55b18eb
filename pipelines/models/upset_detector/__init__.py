"""Stalls and other departures from normal flight: scored second by second, merged into events."""
