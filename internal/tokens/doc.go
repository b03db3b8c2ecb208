// Package tokens reads the tokens of a program from its files and from a value in
// plaintext, makes a keyring of them, and reads the files again when they change.
//
// A reload never makes things worse: what was last read of a file stays in force
// until the file can be read again. A file that is being written is left alone
// until it stops changing. The files are looked at, not watched: a look works the
// same on every file system and through every arrangement of symbolic links, such
// as the one that Kubernetes swaps, and costs a few microseconds.
//
// No token stays in memory, neither from a file nor from a value.
package tokens
