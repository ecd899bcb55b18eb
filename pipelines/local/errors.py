"""Errors with the status, code and body that Databricks answers with."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from starlette.responses import JSONResponse

_STATUS = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STATE": 400,
    "MALFORMED_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "MAX_BLOCK_SIZE_EXCEEDED": 400,
    "MAX_READ_SIZE_EXCEEDED": 400,
    "MAX_NOTEBOOK_SIZE_EXCEEDED": 400,
    "DIRECTORY_NOT_EMPTY": 400,
    "IO_ERROR": 500,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "CATALOG_DOES_NOT_EXIST": 404,
    "SCHEMA_DOES_NOT_EXIST": 404,
    "TABLE_DOES_NOT_EXIST": 404,
    "VOLUME_DOES_NOT_EXIST": 404,
    "FILE_NOT_FOUND": 404,
    "CATALOG_ALREADY_EXISTS": 400,
    "SCHEMA_ALREADY_EXISTS": 400,
    "TABLE_ALREADY_EXISTS": 400,
    "VOLUME_ALREADY_EXISTS": 400,
    "ALREADY_EXISTS": 409,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
}

_UNITY_CATALOG = "unity-catalog.databricks.com"


class ApiError(Exception):
    """An answer other than success. `code` decides the status unless `status` does."""

    def __init__(
        self,
        code: str | int,
        message: str,
        status: int | None = None,
        metadata: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS[str(code)]
        self.metadata = metadata
        self.headers = headers or {}

    def response(self, request_id: str) -> JSONResponse:
        """The answer to the client."""
        details: list[dict[str, Any]] = []
        if self.metadata is not None:
            details.append(
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": str(self.code),
                    "domain": _UNITY_CATALOG,
                    "metadata": self.metadata,
                }
            )
        details.append(
            {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": request_id, "serving_data": ""}
        )
        return JSONResponse(
            {"error_code": self.code, "message": self.message, "details": details},
            self.status,
            {**self.headers, "X-Databricks-Reason-Phrase": " ".join(self.message.split())[:200]},
        )


def invalid(message: str) -> ApiError:
    """A parameter that Databricks refuses."""
    return ApiError("INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> ApiError:
    """Something that does not exist."""
    return ApiError("RESOURCE_DOES_NOT_EXIST", message)


def forbidden(privilege: str, kind: str, name: str) -> ApiError:
    """A Unity Catalog privilege that the caller lacks, e.g. `USE SCHEMA` on Schema `main.gold`."""
    return ApiError(
        "PERMISSION_DENIED",
        f"User does not have {privilege} on {kind} '{name}'.",
        metadata={"principalName": "User", "msg": privilege, "resourceType": kind, "resourceName": name},
    )


def new_request_id() -> str:
    """An id that appears in an answer's headers and, if it is an error, in its body."""
    return str(uuid4())
