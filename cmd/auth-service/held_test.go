package main

import (
	"fmt"
	"os"
	"time"
)

// heldVariable makes the test binary be the program, up to the moment before it
// exits, and stay there, so that its memory can be looked at. Its value is
// "nothing", "portable" for the portable engine, or a system call to be refused.
const heldVariable = "TEST_HELD"

// heldReport is the descriptor on which a held program reports its exit status.
const heldReport = 3

func runHeld() {
	p := &process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	switch with := os.Getenv(heldVariable); with {
	case "nothing":
	case "portable":
		p.portable = true
	default:
		if err := refuse(with); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	status := execute(os.Args[1:], p)
	fmt.Fprintln(os.NewFile(heldReport, "report"), status)
	for {
		time.Sleep(time.Hour)
	}
}
