#!/bin/sh
# After installing and after upgrading. Arguments: deb "configure [OLD]", rpm a
# count of versions, apk the new version, or on an upgrade the new and the old.
set -e

# DPKG_ROOT names a tree that is not the running system.
if [ -n "${DPKG_ROOT:-}" ] || [ ! -d /run/systemd/system ]; then
	exit 0
fi
systemctl daemon-reload
# Nothing is enabled or started on its own: no token is configured yet. What
# runs already goes on with the new version.
systemctl try-restart auth-service.service
