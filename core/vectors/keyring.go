package vectors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// A Keyring is the text of a keyring and the expected result: its entries, or
// errors.
type Keyring struct {
	// Name is unique.
	Name string
	// Comment says what the case is about.
	Comment string
	// Text is the text of the keyring.
	Text []byte
	// Entries are the lines that the entries are written as in one form:
	// fields in order and separated by one SP, digits in lower case, the
	// expiry in UTC and whole seconds. Where there are errors there are none.
	Entries []string
	// Errors are all that must be found wrong with the text, in order.
	Errors []KeyringError
	// FileErrors are what must be found wrong with a file of this text.
	FileErrors []KeyringError
	// Secret is a part of the text that no error may repeat, or nil.
	Secret []byte
}

// A KeyringError is the fault of a keyring.
type KeyringError struct {
	// Line is counted from 1.
	Line int `json:"line"`
	// Layer is the step of reading that must find the fault, so that no later
	// step's refusal can stand in for it.
	Layer string `json:"layer"`
	// Contains is a part of the message.
	Contains string `json:"contains"`
}

// layers lists the steps of reading a keyring, in order.
func layers() []string {
	return []string{"line", "encoding", "principal", "credential", "attribute", "scope", "expires", "created", "duplicate", layerEnd}
}

// layerEnd is the step that applies to files only: the last line end.
const layerEnd = "end"

type keyringCase struct {
	Name    string         `json:"name"`
	Comment string         `json:"comment"`
	Text    Text           `json:"text"`
	Entries []Text         `json:"entries"`
	Errors  []KeyringError `json:"errors"`
	// FileErrors are set if a file is refused for other reasons than its text.
	FileErrors []KeyringError `json:"file_errors"`
	Secret     Text           `json:"secret"`
}

// Keyrings returns the table of good and bad keyrings.
func Keyrings() []Keyring {
	keyrings, err := decodeKeyrings(read("keyrings.json"))
	if err != nil {
		panic(fmt.Errorf("keyrings.json: %w", err))
	}
	return keyrings
}

func decodeKeyrings(data []byte) ([]Keyring, error) {
	var cases []keyringCase
	if err := decodeStrict(data, &cases); err != nil {
		return nil, err
	}
	if err := checkNames(cases, func(c *keyringCase) string { return c.Name }); err != nil {
		return nil, err
	}
	keyrings := make([]Keyring, len(cases))
	for i := range cases {
		c := &cases[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		keyrings[i] = Keyring{Name: c.Name, Comment: c.Comment, Text: c.Text, Errors: c.Errors, FileErrors: c.FileErrors, Secret: c.Secret}
		if c.FileErrors == nil {
			keyrings[i].FileErrors = c.Errors
		}
		for _, entry := range c.Entries {
			keyrings[i].Entries = append(keyrings[i].Entries, string(entry))
		}
	}
	return keyrings, nil
}

func (c *keyringCase) check() error {
	unended := len(c.Text) > 0 && !bytes.HasSuffix(c.Text, []byte("\n"))
	switch {
	case c.Comment == "":
		return errors.New("no comment")
	case (c.Entries == nil) == (len(c.Errors) == 0):
		return errors.New("neither entries nor errors, or both")
	case unended && len(c.FileErrors) == 0:
		return errors.New("a text has no line end at its end, but no file_errors")
	case !bytes.Contains(c.Text, c.Secret):
		return errors.New("a secret that the text does not have")
	}
	for _, e := range slices.Concat(c.Errors, c.FileErrors) {
		if err := e.check(c.Text); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(c.Errors, func(e KeyringError) bool { return e.Layer == layerEnd }) {
		return errors.New("errors has the layer end, which is for file_errors only")
	}
	return nil
}

func (e *KeyringError) check(text []byte) error {
	switch {
	case e.Line < 1 || e.Line > 1+bytes.Count(text, []byte("\n")):
		return errors.New("an error on a line that the text does not have")
	case !slices.Contains(layers(), e.Layer):
		return fmt.Errorf("the unknown layer %q", e.Layer)
	case e.Contains == "":
		return errors.New("an error without a word of its message")
	}
	return nil
}
