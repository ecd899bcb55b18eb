"""What can go wrong with a step on Databricks. Every message says what, where, and what to do."""

from __future__ import annotations


class DatabricksLaunchError(RuntimeError):
    """A step could not be run on Databricks, or failed there."""


class RefusedError(DatabricksLaunchError):
    """The workspace does not accept the token, or denies its principal something."""


class UnreachableError(DatabricksLaunchError):
    """The workspace did not answer within the budget. Nothing is known to have failed: trying again is right."""


class StagingFailedError(DatabricksLaunchError):
    """A file did not arrive in the staging volume as it was sent, however often it was sent."""


class RemoteStepError(DatabricksLaunchError):
    """The step failed on Databricks, or did not report its success."""


class LostStepError(RemoteStepError):
    """The same without a word of the step's own: its process, its cluster or its run was lost, or it broke off."""


class UntrustedEventsError(DatabricksLaunchError):
    """The staging folder holds events that the step did not write. None of them was read."""
