// Package resident keeps the memory that the program occupies small.
package resident
