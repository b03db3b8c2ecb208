#!/bin/sh
# Before removing and, with deb and rpm, before the old version gives way.
set -e

case "${1:-remove}" in
upgrade | deconfigure | failed-upgrade | [1-9]) exit 0 ;; # deb; rpm counts the versions that stay
esac
if [ -n "${DPKG_ROOT:-}" ] || [ ! -d /run/systemd/system ]; then
	exit 0
fi
systemctl --no-reload disable --now auth-service.socket auth-service.service
