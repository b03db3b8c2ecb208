// Package keyringfile edits keyring files. Other programs may read the file, edit it
// or replace it meanwhile: none of them finds a part of it, and no line of theirs is
// lost.
package keyringfile
