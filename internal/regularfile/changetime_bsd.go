//go:build darwin || freebsd

package regularfile

import "syscall"

func changed(stat *syscall.Stat_t) *syscall.Timespec { return &stat.Ctimespec }
