#!/bin/bash
# The Flask image, made without a daemon, under `launch`. gunicorn reads LISTEN_FDS itself.
. "$(dirname "$0")/lib_python.sh"
"$CASEMATE_SOURCE/examples/flask/build-image" >/dev/null
for user in root user; do
    serve flask $user relay
    serve flask $user socket
done
