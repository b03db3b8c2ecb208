// Command conformance sends the server the request fixtures of llhttp, the parser of
// Node: github.com/nodejs/llhttp, folder test/request. Name that folder of a checkout.
//
// The server must refuse every head that llhttp refuses. It is stricter on purpose, so
// what it refuses beyond that is listed and is not a failure.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/concrete-security/auth-service/server"
)

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: conformance FOLDER, llhttp's test/request") }
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdout, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, to io.Writer, folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("%s has no fixtures", folder))
	}
	address, stop, err := serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var counts [4]int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, f := range fixtures(string(text)) {
			status, err := ask(ctx, address, f.request)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", filepath.Base(file), f.title, err)
			}
			o := f.judge(status)
			counts[o]++
			if o == stricter || o == laxer {
				fmt.Fprintf(to, "%s: %s: %s: status %d; llhttp: %s\n", o, filepath.Base(file), f.title, status, f.complaint())
			}
		}
	}
	fmt.Fprintf(to, "%d as llhttp has it, %d stricter, %d laxer, %d that say nothing of a head\n", counts[same], counts[stricter], counts[laxer], counts[unjudged])
	if counts[laxer] > 0 {
		return errors.New("the server takes what llhttp refuses")
	}
	return nil
}

// serve runs a server that knows no token: what it makes of a request's form does
// not depend on one.
func serve(ctx context.Context) (address string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.New(nil, server.Options{Logger: slog.New(slog.DiscardHandler)}).Serve(ctx, l)
	}()
	return l.Addr().String(), func() { cancel(); <-ended }, nil
}

// ask sends a request and the end of the stream, and returns the first answer's
// status, or 0 if there is none.
func ask(ctx context.Context, address, request string) (status int, err error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return 0, err
	}
	if half, ok := c.(*net.TCPConn); ok {
		_ = half.CloseWrite() // the server may have closed it
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
