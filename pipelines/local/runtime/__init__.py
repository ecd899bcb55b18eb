"""What runs inside a cluster: the driver process, and the task processes that it forks.

The server copies this package out of the working tree and starts it from there; nothing in it imports the project.
"""
