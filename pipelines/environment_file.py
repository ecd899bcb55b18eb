"""The file that describes one Databricks environment, checked when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.settings import InvalidSettingError
from pipelines.workspace_names import LANDING_VOLUME, SECRET_SCOPE, folder_of


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Workspace(_Part):
    """The Databricks workspace, and how to prove who is asking."""

    host: str = Field(pattern=r"^https://[^/]+$")
    authentication: dict[str, str] = Field(
        default_factory=dict,
        description="Argument of the SDK's Config (client_id, client_secret, token, profile, ...) to the name of the "
        "environment variable that holds it. Empty: whatever the SDK finds by itself.",
    )


class Mlflow(_Part):
    """Where experiments and models are kept."""

    tracking_uri: str = "databricks"
    registry_uri: str = "databricks-uc"
    experiments: str = Field(default="/Shared/pipelines/", description="What the names of experiments begin with.")


class Signatures(_Part):
    """Which commits must be signed, and whose signatures count."""

    signatures: Literal["off", "head", "range"] = Field(default="off", alias="mode")
    allowed_signers: Path | None = Field(default=None, description="OpenSSH's file of allowed signers.")
    revoked_keys: Path | None = None
    keyring: Path | None = Field(default=None, description="GnuPG home folder.")


class Git(_Part):
    """The repository of the models, and the branch that the location follows."""

    url: str
    branch: str | None = None
    folder: Path | None = Field(default=None, description="Folder for the mirror and checkouts.")
    user: str | None = None
    token_variable: str | None = Field(default=None, description="Environment variable that holds the token.")
    ssh_command: str | None = None
    signatures: Signatures = Signatures()
    look_seconds: int | None = Field(default=None, ge=5)
    status_repository: str | None = Field(default=None, pattern=r"^[^/]+/[^/]+$")
    status_token_variable: str | None = None
    status_api: str | None = Field(default=None, pattern=r"^https://")


class EnvironmentFile(_Part):
    """A whole environment."""

    workspace: Workspace
    landing: str | None = Field(
        default=None,
        pattern=r"^s3://[^/]+(/.*)?$",
        description="The landing zone as the sensors see it; null: none. Production adds what customers share.",
    )
    customers: str | None = Field(
        default=None,
        pattern=r"^s3://[^/]+(/.*)?$",
        description="The customers' zone, a folder for each below it; null: the location has no customers.",
    )
    landing_volume: str = Field(default=folder_of(LANDING_VOLUME), pattern=r"^/Volumes/")
    staging: str = Field(pattern=r"^/Volumes/")
    work: str = Field(pattern=r"^/Volumes/")
    secret_scope: str = SECRET_SCOPE
    mlflow: Mlflow = Mlflow()
    compute: dict[str, Any] = Field(description="Size classes, see docs/step-launcher.md.")
    tags: dict[str, str] = {}
    repository: str | None = Field(default=None, description="Git checkout to ship code from, if not this one.")
    git: Git | None = Field(default=None, description="Null: no branch of a remote is watched there.")
    dagster_url: str | None = Field(default=None, pattern=r"^https?://")
    rates_usd_per_hour: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, description="Dollars an hour by size class, over those of docs/costs.md."
    )
    retrain_growth: float = Field(default=0.1, ge=0, description="See `Settings.retrain_growth`.")


def load_environment_file(file: Path) -> EnvironmentFile:
    """The environment that the YAML file describes.

    Raises:
        InvalidSettingError: the file is missing, is not YAML, or a key is missing, unknown or wrong.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettingError(f"{file} cannot be read ({error.strerror}): name an environment file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidSettingError(f"{file} is not YAML ({error}): correct the line that it names.") from error
    try:
        return EnvironmentFile.model_validate(content)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or '(whole file)'}: {one['msg']}" for one in error.errors()]
        raise InvalidSettingError(f"{file}: " + "; ".join(problems) + ". deploy/ has examples.") from error
