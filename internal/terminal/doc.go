// Package terminal reads secrets that somebody types.
package terminal
