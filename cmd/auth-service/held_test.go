package main

import (
	"fmt"
	"os"
	"time"
)

// heldVariable makes the test binary be the program, up to the moment before it
// exits, and stay there, so that its memory can be looked at. Its value names a
// system call to be refused meanwhile, or is "nothing".
const heldVariable = "TEST_HELD_REFUSING"

// heldReport is the descriptor on which a held program reports its exit status.
const heldReport = 3

func runHeld() {
	if err := refuse(os.Getenv(heldVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := execute(os.Args[1:])
	fmt.Fprintln(os.NewFile(heldReport, "report"), status)
	for {
		time.Sleep(time.Hour)
	}
}
