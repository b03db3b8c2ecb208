package vectors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// A Keyring is the text of a keyring, and what must come of it: its entries,
// or one error.
type Keyring struct {
	// Name is unique.
	Name string
	// Comment says what the case is about.
	Comment string
	// Text is the file's.
	Text []byte
	// Entries are the lines that the entries are written as in one form:
	// fields in order and separated by one SP, digits in lower case, the
	// expiry in UTC and whole seconds. Where Error is set there are none.
	Entries []string
	// Error is what must be wrong, or nil.
	Error *KeyringError
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
	return []string{"line", "encoding", "principal", "credential", "attribute", "scope", "expires", "duplicate"}
}

type keyringCase struct {
	Name    string        `json:"name"`
	Comment string        `json:"comment"`
	Text    Text          `json:"text"`
	Entries []Text        `json:"entries"`
	Error   *KeyringError `json:"error"`
	Secret  Text          `json:"secret"`
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
		keyrings[i] = Keyring{Name: c.Name, Comment: c.Comment, Text: c.Text, Error: c.Error, Secret: c.Secret}
		for _, entry := range c.Entries {
			keyrings[i].Entries = append(keyrings[i].Entries, string(entry))
		}
	}
	return keyrings, nil
}

func (c *keyringCase) check() error {
	switch {
	case c.Comment == "":
		return errors.New("no comment")
	case (c.Entries == nil) == (c.Error == nil):
		return errors.New("neither entries nor an error, or both")
	case !bytes.Contains(c.Text, c.Secret):
		return errors.New("a secret that the text does not have")
	case c.Error == nil:
		return nil
	case c.Error.Line < 1 || c.Error.Line > 1+bytes.Count(c.Text, []byte("\n")):
		return errors.New("an error on a line that the text does not have")
	case !slices.Contains(layers(), c.Error.Layer):
		return fmt.Errorf("the layer %q, which there is not", c.Error.Layer)
	case c.Error.Contains == "":
		return errors.New("an error without a word of its message")
	}
	return nil
}
