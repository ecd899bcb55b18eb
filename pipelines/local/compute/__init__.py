"""Clusters, pools and policies, and the driver processes behind them."""
