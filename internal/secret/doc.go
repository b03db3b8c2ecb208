// Package secret keeps copies of a secret from staying in memory.
package secret
