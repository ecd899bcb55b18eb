"""Setting up a workspace: a declared plan, printed as SQL for review, applied through the SDK, compared with it."""
