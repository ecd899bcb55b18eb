"""Versions are at hand before they are needed, as the registry has them."""

from __future__ import annotations

import pickle

import pytest
import skops.io

from pipelines.customers.serving import Serving
from pipelines.customers.versions import loaded_version
from pipelines.training.inference import keep_estimator, load_estimator
from pipelines.training.registry import UnknownModelVersionError, saved_estimator
from pipelines_tests.customers.small_models import SmallModels, champion


def test_versions_are_those_of_the_registry(fast: SmallModels) -> None:
    with Serving(fast.engine, fast.settings, "acme") as serving:
        assert serving.tags("small_fast", 1) == fast.registry.tags("small_fast", 1)
        assert serving.saved("small_fast", 1) == saved_estimator(fast.settings, "small_fast", 1)
        assert serving.tags("small_fast", 99) is None
        with pytest.raises(UnknownModelVersionError):
            serving.saved("small_fast", 99)


def test_a_version_that_does_not_serve_is_found_as_well(fast: SmallModels) -> None:
    with Serving(fast.engine, fast.settings, "acme") as serving:
        other = fast.version(serving.manifests["small_fast"], "2" * 40)
        assert serving.tags("small_fast", other) == fast.registry.tags("small_fast", other)
        assert serving.saved("small_fast", other) == saved_estimator(fast.settings, "small_fast", other)


def test_what_cannot_be_loaded_keeps_no_other_from_being_at_hand(
    fast: SmallModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast.engine.python_is_threaded:
        pytest.skip("where Python functions have processes of their own, those load the models")
    fast.add("small_lost")
    fast.serve({"small_fast": champion(1), "small_lost": champion(7)})
    saved = saved_estimator(fast.settings, "small_fast", 1)
    with Serving(fast.engine, fast.settings, "acme") as serving:
        assert serving.tags("small_lost", 7) is None
        monkeypatch.setattr("pipelines.customers.serving.saved_estimator", lambda *_: pytest.fail("it was not at hand"))
        assert serving.saved("small_fast", 1) == saved


def test_a_version_loaded_by_another_process_is_not_loaded_again(
    fast: SmallModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pickle.loads(pickle.dumps(loaded_version((fast.settings, "small_fast", 1))))
    assert found is not None
    assert found.tags == fast.registry.tags("small_fast", 1)
    monkeypatch.setattr("pipelines.training.inference._loaded", {})
    monkeypatch.setattr(skops.io, "loads", lambda *_, **__: pytest.fail("it was loaded again"))
    keep_estimator(found.saved, found.estimator)
    assert load_estimator(saved_estimator(fast.settings, "small_fast", 1), ()) is found.estimator


def test_a_version_that_the_registry_lacks_cannot_be_loaded(fast: SmallModels) -> None:
    assert loaded_version((fast.settings, "small_fast", 99)) is None
