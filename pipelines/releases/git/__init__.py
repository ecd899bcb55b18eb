"""What a branch of a git remote holds, and what is to be done about it; knows nothing of Dagster, Spark or models.

`watch.look` is the way in: one look at the branch, one decision. It never raises for what a remote or a commit
may do; each such outcome is a value that says what happened and what to do.
"""
