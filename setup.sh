#!/bin/sh
# Makes .venv from uv.lock, with a pinned uv of the project's own. Needs only Python 3.11 and its packages' registry.
set -eu
cd "$(dirname "$0")"
UV_VERSION=0.13.8
home="$PWD/.crossfade"
uv="$home/uv/bin/uv"
export UV_CACHE_DIR="$home/cache/uv" UV_PYTHON_DOWNLOADS=never

fail() {
	echo "error: $*" >&2
	exit 3
}

python=$(command -v python3.11 || command -v python3) || fail "no python3 on PATH. Debian: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
	fail "$("$python" --version) is on PATH; this project is pinned to Python 3.11. Put python3.11 on PATH."

if [ "$("$uv" --version 2>/dev/null | cut -d' ' -f2)" != "$UV_VERSION" ]; then
	echo "==> Installing uv $UV_VERSION (usually 5 s)"
	rm -rf "$home/uv"
	mkdir -p "$home"
	if ! "$python" -m venv "$home/uv" >"$home/setup.log" 2>&1; then
		[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "python3 -m venv does not work. Debian: apt-get install python3-venv"
		apt-get update -qq && apt-get install -y -qq python3-venv >"$home/setup.log" 2>&1 ||
			fail "cannot install python3-venv; see .crossfade/setup.log"
		rm -rf "$home/uv"
		"$python" -m venv "$home/uv"
	fi
	"$home/uv/bin/pip" install --quiet --disable-pip-version-check --retries 5 "uv==$UV_VERSION" ||
		fail "cannot install uv $UV_VERSION. Is the Python package registry reachable?"
fi

[ -x .venv/bin/crossfade ] || echo "==> Installing the Python packages of uv.lock (usually 30 s with an empty cache)"
"$uv" sync --locked --python "$python" --quiet || fail "uv sync failed. Run the same command again; downloads are kept."
