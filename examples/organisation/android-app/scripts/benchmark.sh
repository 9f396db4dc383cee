#!/bin/sh
# Starts the app twenty times on the reference phone and prints the 90th percentile in milliseconds.
set -eu
for _ in $(seq 20); do
  adb shell am force-stop example.larkfold
  adb shell am start-activity -W example.larkfold/.MainActivity | awk '/TotalTime/ {print $2}'
done | sort -n | sed -n 18p
