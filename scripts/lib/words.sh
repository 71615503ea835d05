#!/usr/bin/env bash
# Nothing unfinished stands in the sources.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if git grep -nE '\b(unimplemented|todo)!\(|\bTODO\b|\bFIXME\b' -- src tests scripts templates ':!scripts/lib/words.sh'; then
    echo "unfinished work stands in the sources" >&2
    exit 1
fi
