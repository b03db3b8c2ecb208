// Package tokens makes a keyring of a program's tokens: it reads them from files and
// from a value in plaintext, and reads the files again when they change.
//
// A reload never makes things worse. What was last read of a file stays in force
// until the file can be read again. A file that is being written is left alone
// until it stops changing. The files are looked at, not watched. A look works the
// same on every file system and through every arrangement of symbolic links, such
// as the one that Kubernetes swaps, and it costs a few microseconds.
//
// No token stays in memory, neither from a file nor from a value.
package tokens
