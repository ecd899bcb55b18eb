"""On what steps run: size classes, each an existing cluster, a new cluster of its own, or serverless."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_ENVIRONMENT_KEY = "step"


class UnknownSizeError(ValueError):
    """A step asks for a size class that the settings do not have."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Workers(_Settings):
    """Bounds between which Databricks chooses the number of workers."""

    at_least: int = Field(ge=1)
    at_most: int = Field(ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least > self.at_most:
            raise ValueError(f"at_least is {self.at_least}, more than at_most, which is {self.at_most}")
        return self


class NewCluster(_Settings):
    """A job cluster that lives as long as the step, from an instance pool if one is named."""

    spark_version: str
    node_type_id: str | None = None
    driver_node_type_id: str | None = None
    instance_pool_id: str | None = None
    policy_id: str | None = None
    workers: int | Workers = 0
    """A number, or bounds; 0 is a cluster of the driver alone."""
    data_security_mode: str = "SINGLE_USER"
    """Unity Catalog's access mode: SINGLE_USER (dedicated) or USER_ISOLATION (standard)."""
    spark_conf: dict[str, str] = {}
    aws_attributes: dict[str, Any] = {}
    instance_profile_arn: str | None = None

    @model_validator(mode="after")
    def _has_machines(self) -> Self:
        if (self.node_type_id is None) == (self.instance_pool_id is None) and self.policy_id is None:
            raise ValueError("a new cluster needs either node_type_id or instance_pool_id (or a policy that sets one)")
        return self

    def specification(self, tags: dict[str, str]) -> dict[str, Any]:
        """The cluster as the Jobs API takes it."""
        wanted: dict[str, Any] = {
            "spark_version": self.spark_version,
            "node_type_id": self.node_type_id,
            "driver_node_type_id": self.driver_node_type_id,
            "instance_pool_id": self.instance_pool_id,
            "policy_id": self.policy_id,
            "data_security_mode": self.data_security_mode,
            "custom_tags": dict(tags),
        }
        configuration = dict(self.spark_conf)
        if isinstance(self.workers, Workers):
            wanted["autoscale"] = {"min_workers": self.workers.at_least, "max_workers": self.workers.at_most}
        else:
            wanted["num_workers"] = self.workers
            if self.workers == 0:
                configuration |= {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
                wanted["custom_tags"]["ResourceClass"] = "SingleNode"
        wanted["spark_conf"] = configuration
        attributes = dict(self.aws_attributes)
        if self.instance_profile_arn:
            attributes["instance_profile_arn"] = self.instance_profile_arn
        wanted["aws_attributes"] = attributes
        return {name: value for name, value in wanted.items() if value not in (None, {})}


class Serverless(_Settings):
    """Databricks' own compute, with packages from pip."""

    environment_version: str = "3"
    dependencies: tuple[str, ...] = ()


class SizeClass(_Settings):
    """One kind of compute; exactly one of `existing_cluster_id`, `new_cluster`, `serverless`."""

    existing_cluster_id: str | None = None
    new_cluster: NewCluster | None = None
    serverless: Serverless | None = None
    packages: tuple[str, ...] = ()
    """Packages from PyPI to install on a cluster, with their versions."""
    timeout_s: int | None = Field(default=None, gt=0)
    """After which Databricks ends the run."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = ("existing_cluster_id", "new_cluster", "serverless")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of {', '.join(kinds)} is needed, not {' and '.join(given) or 'none'}")
        if self.serverless is not None and self.packages:
            raise ValueError("packages of serverless compute go into serverless.dependencies")
        return self


class ComputeSettings(_Settings):
    """Everything about compute that differs between workspaces; can be read from a file with `model_validate`."""

    sizes: dict[str, SizeClass] = Field(min_length=1)
    run_as_service_principal: str | None = None
    """Application id of the principal that the runs run as; by default the one that submits them."""
    budget_policy_id: str | None = None
    custom_tags: dict[str, str] = {}
    """Besides the target's: on clusters that are made for a step, and in the description of every run."""
    viewers: tuple[str, ...] = ()
    """Groups that may see the runs and their logs."""

    def size(self, name: str) -> SizeClass:
        """The size class of that name.

        Raises:
            UnknownSizeError: there is none.
        """
        if name not in self.sizes:
            raise UnknownSizeError(
                f"There is no compute size {name!r}, only {', '.join(sorted(self.sizes))}: add it to the compute "
                "settings, or change the step's tag `pipelines/compute`."
            )
        return self.sizes[name]

    def request(self, size: str, task: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
        """The part of a `runs/submit` request that says on what `task` runs and who pays.

        Raises:
            UnknownSizeError: there is no such size class.
        """
        chosen = self.size(size)
        request: dict[str, Any] = {}
        if chosen.existing_cluster_id is not None:
            task = {**task, "existing_cluster_id": chosen.existing_cluster_id}
        elif chosen.new_cluster is not None:
            task = {**task, "new_cluster": chosen.new_cluster.specification({**self.custom_tags, **tags})}
        elif chosen.serverless is not None:
            task = {**task, "environment_key": _ENVIRONMENT_KEY}
            specification: dict[str, Any] = {"environment_version": chosen.serverless.environment_version}
            if chosen.serverless.dependencies:
                specification["dependencies"] = list(chosen.serverless.dependencies)
            request["environments"] = [{"environment_key": _ENVIRONMENT_KEY, "spec": specification}]
        if chosen.packages:
            task = {**task, "libraries": [{"pypi": {"package": package}} for package in chosen.packages]}
        if chosen.timeout_s is not None:
            request["timeout_seconds"] = chosen.timeout_s
        if self.run_as_service_principal:
            request["run_as"] = {"service_principal_name": self.run_as_service_principal}
        if self.budget_policy_id:
            request["budget_policy_id"] = self.budget_policy_id
        if self.viewers:
            request["access_control_list"] = [
                {"group_name": group, "permission_level": "CAN_VIEW"} for group in self.viewers
            ]
        return {**request, "tasks": [task]}
