#!/bin/bash
# The FastAPI image, made without a daemon, under `launch`. uvicorn takes an inherited socket by number.
. "$(dirname "$0")/lib_python.sh"
"$CASEMATE_SOURCE/examples/fastapi/build-image" >/dev/null
for user in root user; do
    serve fastapi $user relay
    serve fastapi $user socket /usr/bin/python3 -m uvicorn app:app --fd 3
done
