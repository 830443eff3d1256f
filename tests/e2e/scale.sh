#!/bin/bash
# 200 containers at once, started by 8 launchers: all verified, all deleted, nothing left (bench/scale compares runtimes).
exec "${CASEMATE_SOURCE:?}/bench/scale" -n 200 -j 8 --runtime casemate
