// Package keyringfile edits keyring files. Other programs may read a file, edit it or
// replace it meanwhile: none of them finds half of it, and no line of theirs is lost.
//
// An edit locks the folder, writes the new text into a file beside the old one, and
// lets the two change places. Then the old one is looked at once more. If another
// program has written to it, or still has it open for writing, the two change places
// again, and the edit starts anew. Systems other than Linux cannot let two files change
// places, so the old one is looked at just before it is replaced.
package keyringfile
