//go:build !unix

package main

import "os"

// notifyHangup: there is no such signal here; changed files are seen all the same.
func notifyHangup(chan<- os.Signal) {}
