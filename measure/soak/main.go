// Command soak runs auth-service under all that clients do, for as long as you tell
// it to. It checks that memory, descriptors, threads and goroutines stay where they
// are and that every verdict is right. It needs Linux.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

func main() {
	duration := flag.Duration("duration", 10*time.Minute, "how long")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := soak(ctx, os.Stdout, *duration); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// samplesTaken is how many times the process is looked at in a run.
const samplesTaken = 120

func soak(ctx context.Context, to io.Writer, duration time.Duration) error {
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	l := newLoad(s)
	// Not a deadline, which a connection that is being made may find past before
	// the context says so.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(duration, cancel).Stop()
	l.run(ctx)
	var taken []sample
	ticker := time.NewTicker(duration / samplesTaken)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			at, err := s.sample(ctx)
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("%w; the service wrote: %s", err, s.log)
			}
			if err == nil {
				taken = append(taken, at)
			}
		}
	}
	l.wait.Wait()
	report(to, taken, l)
	if err := l.err(); err != nil {
		return err
	}
	return steady(taken)
}

func report(to io.Writer, taken []sample, l *load) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tfirst third\tlast third\t")
	for _, f := range figures {
		early, late := f.thirds(taken)
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t\n", f.name, early, late)
	}
	_ = w.Flush()
	fmt.Fprintf(to, "%d verdicts, %d of them wrong; %d connections; %d keyrings\n", l.verdicts.Load(), l.wrong.Load(), l.connections.Load(), l.keyrings.Load())
}
