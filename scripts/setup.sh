# Sourced by scripts/demo and scripts/test: one virtual environment in .venv, made once and kept
# while pyproject.toml stays the same.

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "ethr-did needs Python 3.11 or newer. Set PYTHON to its path." >&2
  return 1
}

# setup NAME ARGUMENTS…: installs once for this NAME, Python and pyproject.toml.
setup() {
  local name=$1 python stamp log
  shift
  python=$(find_python)
  stamp=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(open("pyproject.toml", "rb").read() + sys.version.encode() + sys.prefix.encode()).hexdigest())')
  if [ -x .venv/bin/python ] && grep -qsx "$stamp" ".venv/.ethr-did-$name"; then
    return
  fi
  log=$(mktemp)
  echo "Setting up .venv with $("$python" --version) (once) …" >&2
  if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    "$python" -m venv --clear .venv >"$log" 2>&1 || {
      cat "$log" >&2
      echo "Could not make a virtual environment. On Debian: apt-get install python3-venv" >&2
      return 1
    }
  fi
  if ! { .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' &&
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "The installation failed; the lines above say why." >&2
    return 1
  fi
  rm -f "$log"
  echo "$stamp" >".venv/.ethr-did-$name"
}
