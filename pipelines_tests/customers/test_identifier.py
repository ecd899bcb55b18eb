"""Which texts are customers' identifiers."""

from __future__ import annotations

import pytest

from pipelines.costs.purpose import SHARED, UNTAGGED, customer_of
from pipelines.customers.identifier import InvalidCustomerError, customer_id
from pipelines.customers.places import folder_of_customer, schema_of, volume_of
from pipelines.landing.address import S3Prefix
from pipelines.workspace_names import LOCATIONS


@pytest.mark.parametrize("text", ["ab", "acme", "blue_sky_2", "z" * 41])
def test_identifiers_pass_unchanged(text):
    assert customer_id(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "z" * 42, "z" * 300, "Acme", "acme_", "ac__me", "_acme", "1acme", "a;DROP", "../b", "a/b", "a.b", "a b",
     "a\n", "acme\n", "ac\u0430me", "acm\u00e9", "\uff41cme", "acme'--", "a`b", "ac\u0301me", "acme\u200b", "a%2e"],
)  # fmt: skip
def test_others_are_refused_with_what_one_looks_like(text):
    for make in (customer_id, schema_of, volume_of, lambda each: folder_of_customer(S3Prefix("bucket"), each)):
        with pytest.raises(InvalidCustomerError, match="lower-case letter"):
            make(text)


@pytest.mark.parametrize("text", ["deadbeef", "defaced", "f" * 40])
def test_what_could_be_a_commit_is_refused(text):
    with pytest.raises(InvalidCustomerError, match="commit"):
        customer_id(text)
    assert customer_id("facade") == "facade", "six digits name no commit"


@pytest.mark.parametrize("text", [SHARED, UNTAGGED, *LOCATIONS])
def test_words_of_the_cost_report_are_refused(text):
    with pytest.raises(InvalidCustomerError, match="the cost report has another meaning for it"):
        customer_id(text)
    assert customer_id(f"{text}_1") == f"{text}_1", "which the message proposes"
    assert customer_of({"customer": text}) is None, "whoever tagged a run so, its costs are nobody's"


def test_places():
    assert schema_of("acme") == "prod.customer_acme"
    assert volume_of("acme") == "prod.customer_acme.files"
    assert str(folder_of_customer(S3Prefix("bucket", "customers"), "acme")) == "s3://bucket/customers/acme"
