#!/usr/bin/env bash
# Brings what the tests need from the system: Blender, a virtual display, a browser. Installs Debian's packages where it
# may (root and apt-get at hand); elsewhere it says what is missing, and the tests that need it skip and say so.
# Usage: setup.sh [demo]: for the demonstration alone, only the libraries of the bpy wheel, and only without a Blender.
set -euo pipefail

# command to look for → package that brings it
declare -A packages=(
  [blender]=blender [Xvfb]=xvfb [xauth]=xauth [xdotool]=xdotool [chromium]=chromium [import]=imagemagick [ip]=iproute2
  [svn]=subversion [git]=git
)
# What the bpy wheel loads and a bare machine lacks.
libraries=(libx11-6 libxi6 libxxf86vm1 libxfixes3 libxrender1 libgl1 libegl1 libxkbcommon0 libsm6 libice6)

wanted=()
if [ "${1:-}" = demo ]; then
  command -v blender >/dev/null || wanted=("${libraries[@]}")
else
  for name in "${!packages[@]}"; do
    command -v "$name" >/dev/null || wanted+=("${packages[$name]}")
  done
  wanted+=("${libraries[@]}" libgl1-mesa-dri)
fi

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${wanted[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
else
  missing=("${wanted[@]}")
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "not installed (needs root and apt-get): ${missing[*]}; tests that need them are skipped" >&2
fi
