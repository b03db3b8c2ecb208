package main

import (
	"fmt"
	"os"
	"time"
)

// heldVariable makes the test binary run as the program and stop just before it
// exits, so that a test can scan its memory. Its value is "nothing", "portable"
// for the portable engine, or the name of a system call to refuse.
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
