#!/bin/sh
# Make .venv hold what the given requirements file names. Does nothing, quickly, when it does.
# Usage: scripts/setup.sh requirements.txt | requirements-dev.txt      PYTHON=... picks a Python.
set -eu

SUPPORTED="3.13 3.12 3.11" # newest first; TensorFlow has no release for later ones yet
REQUIREMENTS=$1
VENV=.venv
STAMP="$VENV/installed-$REQUIREMENTS"

say() { printf '%s\n' "$*" >&2; }

# wanted: all that decides what is installed, to be compared with what was installed last.
wanted() {
    case $REQUIREMENTS in requirements.txt) ;; *) cat requirements.txt ;; esac
    cat "$REQUIREMENTS"
}

is_ready() {
    "$VENV/bin/python" -c '' 2>/dev/null && [ -f "$STAMP" ] && [ "$(wanted)" = "$(cat "$STAMP")" ]
}

# install_line APT DNF APK BREW: the command of this machine's package manager.
install_line() {
    if command -v apt-get >/dev/null 2>&1; then echo "sudo apt-get install -y $1"
    elif command -v dnf >/dev/null 2>&1; then echo "sudo dnf install -y $2"
    elif command -v apk >/dev/null 2>&1; then echo "sudo apk add $3"
    elif command -v brew >/dev/null 2>&1; then echo "brew install $4"
    else echo "(install with your package manager: $1)"
    fi
}

fail() {
    say ""
    say "Kenal cannot be set up: $1"
    say "  $2"
    say "Then run the same command again."
    exit 1
}

is_supported() {
    "$1" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv[1].split())' \
        "$SUPPORTED" 2>/dev/null
}

# apt_python: the packages of the newest Python that this system's archive has and Kenal takes.
apt_python() {
    for version in $SUPPORTED; do
        if apt-cache show "python$version-venv" >/dev/null 2>&1; then
            echo "python$version python$version-venv python$version-dev"
            return 0
        fi
    done
    echo "python3 python3-venv python3-dev"
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_supported "$PYTHON" && echo "$PYTHON"
        return 0
    fi
    for version in $SUPPORTED; do
        if is_supported "python$version"; then
            echo "python$version"
            return 0
        fi
    done
    if is_supported python3; then echo python3; fi
}

require_python() {
    python=$(find_python)
    [ -n "$python" ] || fail "it needs one of Python ${SUPPORTED}${PYTHON:+, and $PYTHON is none}." \
        "$(install_line "$(apt_python)" "python3.12 python3.12-devel" \
            "python3 python3-dev" "python@3.13")"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
}

require_venv() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "this Python has no venv module." \
        "$(install_line "python$version-venv" "python$version" "python3 py3-pip" "python@$version")"
}

require_compiler() {
    for compiler in ${CXX:+"$CXX"} c++ g++ clang++; do
        if echo 'int main() { return 0; }' | "$compiler" -x c++ -fsyntax-only - 2>/dev/null; then
            return 0
        fi
    done
    fail "it needs a C++ compiler, for Annoy." "$(install_line g++ gcc-c++ g++ gcc)"
}

require_headers() {
    header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    [ -f "$header" ] || fail "it needs the headers of this Python, for Annoy." \
        "$(install_line "python$version-dev" "python$version-devel" python3-dev "python@$version")"
}

make_venv() {
    # One that broke, or was made by a Python that is gone, is made anew.
    if ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        rm -rf "$VENV"
        "$python" -m venv "$VENV"
    fi
}

main() {
    [ -f "$REQUIREMENTS" ] || fail "there is no $REQUIREMENTS here." "cd <the folder of Kenal>"
    if is_ready; then return 0; fi
    require_python
    require_venv
    require_compiler
    require_headers
    say "Setting up $VENV with Python $version: some minutes and about 3 GB, once."
    make_venv
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input -r "$REQUIREMENTS"
    wanted >"$STAMP"
    # What the developers' file holds includes what the service needs.
    if [ "$REQUIREMENTS" != requirements.txt ]; then
        cat requirements.txt >"$VENV/installed-requirements.txt"
    fi
}

main
