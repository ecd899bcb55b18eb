from __future__ import annotations

import base64

import pytest

from pipelines.releases.git.remote import InvalidRemoteError, remote_from


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/flight/models.git",
        "http://127.0.0.1:8080/models.git",
        "ssh://git@host:2222/flight/models",
        "git@github.com:flight/models.git",
        "git://host/models",
        "file:///srv/git/models.git",
        "/srv/git/models with blanks.git",
    ],
)
def test_an_address_is_taken_as_it_is(url: str):
    assert remote_from(url, "release").url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models.git",
        "../models.git",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/x",
        "ftp://host/models",
        "https://host/a b",
        "/srv/git/a\nb",
        "-oProxyCommand=x:y",
    ],
)
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(InvalidRemoteError):
        remote_from(url, "release")


@pytest.mark.parametrize("branch", ["release", "teams/a/release", "v1.2", "release-2", "übung"])
def test_names_of_branches(branch: str):
    assert remote_from("/srv/x", branch).ref == f"refs/heads/{branch}"


@pytest.mark.parametrize(
    "branch", ["", "-x", "a..b", "a b", "a*", "a?", "a[", "a~1", "a^", "a:b", "a.lock", ".a", "a/.b", "a/", "@", "a\\b"]
)
def test_what_git_would_not_take_for_a_branch_is_refused(branch: str):
    with pytest.raises(InvalidRemoteError, match="branch"):
        remote_from("/srv/x", branch)


def test_a_password_leaves_the_address_and_is_shown_nowhere():
    remote = remote_from("https://amelia:s3cret-t0ken@host/models", "release")
    assert remote.url == "https://host/models"
    assert "s3cret" not in repr(remote)
    assert remote.without_secrets("fatal: https://amelia:s3cret-t0ken@host said s3cret-t0ken") == (
        "fatal: https://***@host said ***"
    )
    variables = remote.variables(5)
    expected = base64.b64encode(b"amelia:s3cret-t0ken").decode()
    assert f"Authorization: Basic {expected}" in variables.values()
    assert "http.https://host/models.extraHeader" in variables.values()


def test_the_address_in_a_refusal_hides_a_password():
    with pytest.raises(InvalidRemoteError) as caught:
        remote_from("ftp://amelia:s3cret@host/x", "release")
    assert "s3cret" not in str(caught.value)


def test_what_the_environment_configures_for_git_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    variables = remote_from("https://host/models", "release", token="t").variables(5)
    assert variables["GIT_CONFIG_COUNT"] == "5"
    assert variables["GIT_CONFIG_KEY_2"] == "http.lowSpeedLimit"


def test_the_digest_names_the_remote_and_not_the_branch_or_the_token():
    one = remote_from("https://host/models", "release", token="a")
    assert one.digest == remote_from("https://host/models", "main").digest
    assert one.digest != remote_from("https://host/others", "release").digest
