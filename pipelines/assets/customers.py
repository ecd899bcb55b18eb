"""What customers get: their sessions, taken and judged on request, as one step of the production workspace.

A partition is a customer. The assets are made together: launching a step takes longer than judging a session.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from pipelines.assets.materializations import rows_table
from pipelines.assets.models import model_key
from pipelines.assets.releases import CHAMPIONS
from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest
from pipelines.partitions import CUSTOMERS
from pipelines.releases import run_tags
from pipelines.settings import Settings

CUSTOMER_SESSIONS = dg.AssetKey([*run_tags.CUSTOMERS, "sessions"])
CUSTOMER_ANALYSIS = dg.AssetKey([*run_tags.CUSTOMERS, "analysis"])
CUSTOMER_CORRECTIONS = dg.AssetKey([*run_tags.CUSTOMERS, "corrections"])
SHARED = "shared"
"""Metadata of the corrections: what of them becomes labels, for the sensor `shared_labels`."""
GROUP = "customers"
STEP = "analyze_customer"
BATCH = "pipelines/batch"
"""Tag of a run that carries out requests: which ones they are."""
_OWNER = "team:flight-data"


class Analysis(dg.Config):
    """What is asked for. All empty: every session of the customer that the serving versions have not judged."""

    requests: list[str] = Field(default_factory=list, description="Files of the customer's inbox, such as monday.json.")
    sessions: list[str] = Field(
        default_factory=list, description="Files below the customer's sessions folder, or ids of known sessions."
    )
    corrections: list[str] = Field(
        default_factory=list, description="Files of the customer's inbox, such as lesson.corrections.csv."
    )
    models: dict[str, int] = Field(
        default_factory=dict, description="For `sessions`: version by model. Empty: what the release plan chooses."
    )


def customer_assets(manifests: list[Manifest], settings: Settings) -> dg.AssetsDefinition:
    """The assets of all customers."""
    released = [
        dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping())
        for key in (CHAMPIONS, *(model_key(manifest, settings) for manifest in manifests))
    ]

    @dg.multi_asset(
        name=STEP,
        partitions_def=CUSTOMERS,
        # A registry or a bucket that does not answer for a minute costs a customer that minute and not the request.
        retry_policy=dg.RetryPolicy(max_retries=3, delay=15, backoff=dg.Backoff.EXPONENTIAL),
        op_tags={"pipelines/partition_is": "customer", "pipelines/purpose": "inference"},
        specs=[
            dg.AssetSpec(
                CUSTOMER_SESSIONS,
                group_name=GROUP,
                owners=[_OWNER],
                kinds={"table", "deltalake", "pyspark"},
                description="A customer's sessions, cleaned like gold: `sessions`, `flight_samples` and `approaches` "
                "in the customer's own schema. A file that cannot be trusted is a row with the reason.",
            ),
            dg.AssetSpec(
                CUSTOMER_ANALYSIS,
                deps=[CUSTOMER_SESSIONS, *released],
                group_name=GROUP,
                owners=[_OWNER],
                kinds={"table", "deltalake", "pyspark"},
                description="What the released models find in a customer's sessions: `analysis` and "
                "`analysed_sessions` in the customer's own schema. Each row says which version it is of, and why.",
            ),
            dg.AssetSpec(
                CUSTOMER_CORRECTIONS,
                deps=[CUSTOMER_ANALYSIS],
                skippable=True,  # made only where an instructor has corrected something
                group_name=GROUP,
                owners=[_OWNER],
                kinds={"table", "deltalake", "pyspark"},
                description="What instructors say of findings: `corrections` in the customer's own schema, each with "
                "the finding that it corrects. Shared as labels only if the customer's settings say so.",
            ),
        ],
    )
    def analyze_customer(
        context: dg.AssetExecutionContext,
        config: Analysis,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> Any:
        from pipelines.customers.correcting import correct
        from pipelines.customers.files import customer_files
        from pipelines.customers.fulfilment import fulfil, fulfil_all, nothing_asked
        from pipelines.customers.identifier import InvalidCustomerError
        from pipelines.customers.registry import UnknownCustomerError, customer_of
        from pipelines.customers.requests import InvalidRequestError, made_request
        from pipelines.customers.status import refuse

        customer, own_id, corrected = context.partition_key, f"run-{context.run_id[:8]}", None
        tags = context.run.tags
        try:
            known = customer_of(engine, customer)
            if config.corrections and not config.requests and not config.sessions:
                found = nothing_asked(customer)
            elif config.requests or config.sessions:
                direct = None
                if config.sessions:
                    values = {"sessions": tuple(config.sessions), "models": dict(config.models)}
                    direct = made_request(values, own_id)
                found = fulfil(
                    engine, settings, customer, config.requests, direct, tags.get(BATCH, ""),
                    tags.get(run_tags.COMMIT, ""), context.log.info,
                )  # fmt: skip
            else:
                found = fulfil_all(engine, settings, customer, own_id, context.log.info)
            if config.corrections:  # after the requests, which may be for the sessions that are corrected
                shares, batch = known.shares_corrections, tags.get(BATCH, "")
                corrected = correct(engine, settings, customer, config.corrections, shares, batch)
        except UnknownCustomerError as error:
            why = f"{customer} is no customer any more, so nothing is done for it: ask your contact."
            refuse(customer_files(settings, customer), [*config.requests, *config.corrections], why)
            raise dg.Failure(str(error), allow_retries=False) from None
        except (InvalidCustomerError, InvalidRequestError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        for one in found.asked:
            if not one.name and one.problem is not None:
                raise dg.Failure(one.problem, allow_retries=False)
        yield dg.MaterializeResult(asset_key=CUSTOMER_SESSIONS, metadata=_of_sessions(found))
        asking = _asking_runs(found, settings)
        yield dg.MaterializeResult(
            asset_key=CUSTOMER_ANALYSIS, metadata={**analysis_metadata(found, settings), **asking}
        )
        if corrected is not None:
            yield dg.MaterializeResult(asset_key=CUSTOMER_CORRECTIONS, metadata=_of_corrections(corrected))
        elif BATCH not in tags:  # a person chose all three: what does not come out makes a backfill count as failed
            yield dg.MaterializeResult(asset_key=CUSTOMER_CORRECTIONS, metadata={"recorded": 0})

    return analyze_customer


def _of_sessions(found: Any) -> dict[str, Any]:
    from pipelines.customers.sessions import READY

    taken = found.taken.values()
    refused = [{"file": name, "why": one.reason} for name, one in found.taken.items() if one.status != READY]
    return {
        "sessions": len({one.session_id for one in taken if one.status == READY}),
        "read_now": len({one.session_id for one in taken if one.is_new}),
        "quarantined": rows_table(refused),
    }


def _of_corrections(corrected: Any) -> dict[str, Any]:
    return {
        "recorded": corrected.recorded,
        "unmatched": corrected.unmatched,
        "files": rows_table(
            {"file": one.request, "state": one.state, "why": one.why or ""} for one in corrected.answers
        ),
        SHARED: dg.MetadataValue.json(corrected.shared),
    }


def _asking_runs(found: Any, settings: Settings) -> dict[str, Any]:
    from pipelines.customers.asking_runs import addresses_of

    asked = {one.request.databricks_run for one in found.asked if one.request.databricks_run}
    addresses = addresses_of(settings, found.customer, asked)
    if len(addresses) == 1:
        return {"asked_by": dg.MetadataValue.url(next(iter(addresses.values())))}
    links = ", ".join(f"[run {run}]({address})" for run, address in sorted(addresses.items()))
    return {"asked_by": dg.MetadataValue.md(links)} if links else {}


def analysis_metadata(found: Any, settings: Settings) -> dict[str, Any]:
    """What a run's materialization of the analysis tells of what it did (a `Fulfilled`)."""
    from pipelines.customers.review_pages import page_path
    from pipelines.customers.sessions import CHANGED

    analysed = found.analysed.values()
    pages = {one.session_id: name for name, one in found.taken.items() if one.status != CHANGED}
    return {
        **_review_pages(
            {
                name: f"{settings.customers}/{found.customer}/{page_path(key)}"
                for key, name in pages.items()
                if key not in found.undrawn
            }
        ),
        **_pages_not_drawn({pages[key]: why for key, why in found.undrawn.items()}),
        "requests": rows_table(
            {"request": one.request, "state": one.state, "why": one.why or ""} for one in found.answers
        ),
        "judged_now": sum(one.is_new for one in analysed),
        "judged_before": sum(not one.is_new for one in analysed),
        "results": rows_table(
            {
                "session": pages.get(one.session_id, one.session_id),
                "model": one.model,
                "version": one.model_version,
                "chosen as": one.route_reason,
                "status": one.status,
                "findings": one.finding_count,
                "why": one.reason or "",
            }
            for one in found.analysed.values()
        ),
    }


def _review_pages(pages: dict[str, str]) -> dict[str, Any]:
    """Where the pages are: the UI has a button to copy a path that stands alone, and cuts one off in a table."""
    if len(pages) == 1:
        return {"review_page": dg.MetadataValue.path(next(iter(pages.values())))}
    return {"review_pages": rows_table({"session": name, "page": page} for name, page in pages.items())}


def _pages_not_drawn(undrawn: dict[str, str]) -> dict[str, Any]:
    rows = rows_table({"session": name, "why": why} for name, why in undrawn.items())
    return {"pages_not_drawn": rows} if undrawn else {}
