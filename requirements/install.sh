#!/bin/sh
# Makes .venv hold exactly what requirements/development.lock says, and this project, editable.
#
# Nothing to do costs milliseconds and no network. An interrupted run goes on where it stopped: finished
# downloads stay in uv's cache, and an environment that was left half installed is laid anew from it.
set -eu
cd "$(dirname "$0")/.."

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# The folder is part of the key because an environment's scripts name it.
digest=$({ pwd; cat requirements/*.lock requirements/runtime.in pyproject.toml; } | git hash-object --stdin)
[ "$(cat .venv/.installed 2>/dev/null)" = "$digest" ] && exit 0

python=
for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 is needed and was not found (tried: ${PYTHON:+$PYTHON, }python3.11, python3, python).
Install it (Debian: apt-get install python3.11 python3.11-venv; macOS: brew install python@3.11),
or say where it is: make setup PYTHON=/path/to/python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python comes without the modules venv and ensurepip.
Install them (Debian: apt-get install python3.11-venv), or name another Python: make setup PYTHON=/path/to/python3.11"

# uv, the installer, has a small environment of its own, which outlives .venv and thus `make clean`.
bootstrap=$(git hash-object requirements/bootstrap.lock)
if [ "$(cat .uv/.installed 2>/dev/null)" != "$bootstrap" ] || ! .uv/bin/uv --version >/dev/null 2>&1; then
    echo "setup: installing uv"
    rm -rf .uv
    "$python" -m venv .uv
    .uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock \
        || fail "uv could not be installed: its package must be reachable once, through pip as it is configured here."
    echo "$bootstrap" >.uv/.installed
fi

if [ -e .venv/.installing ] || ! .venv/bin/python -c '' 2>/dev/null; then
    .uv/bin/uv venv --quiet --clear --python "$("$python" -c 'import sys; print(sys.executable)')" .venv
fi
rm -f .venv/.installed
: >.venv/.installing

# First from the cache alone, so that a second set-up needs no network.
install() {
    .uv/bin/uv pip sync --python .venv/bin/python --require-hashes "$@" requirements/development.lock
}
echo "setup: installing the locked packages"
install --quiet --offline 2>/dev/null || install \
    || fail "The locked packages could not be installed (the reason is above). Run make setup again: it goes on from here."
.uv/bin/uv pip install --python .venv/bin/python --quiet --offline --no-deps --no-build-isolation --editable .

rm -f .venv/.installing
echo "$digest" >.venv/.installed
echo "setup: done"
