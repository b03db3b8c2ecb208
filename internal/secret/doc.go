// Package secret keeps copies of a secret from staying in memory.
//
// A program that has used a token wants it nowhere in memory afterwards: not
// for a core dump, a debugger, or a bug that reads more than it should. In Go,
// overwriting the buffer that held the token is not enough. Four other places
// keep copies:
//
//   - Frames. Hashing copies its input to the stack, and Go does not clear a
//     frame when a function returns.
//   - Old stacks. The runtime copies a stack that is too small or too large,
//     and leaves the old one as it was.
//   - Registers. Hashing, copying, searching and comparing leave pieces of
//     their input in vector registers. When a signal arrives, the kernel
//     stores the registers in memory, where they stay.
//   - Old arrays. append leaves the array that it has outgrown as it was.
//
// # What this package does
//
// [Do] runs a function and clears the stack and the registers that the function
// used. It costs some 50 ns and is for one verdict, one hash. [Undisturbed] runs
// a function on a stack that does not move, in a thread that takes no signals,
// and clears that stack at the end. It is for whole tasks, such as an event
// loop, or reading a file. [Uninterrupted] keeps only signals away. [Wipe]
// overwrites a buffer, and the registers that copies of it went through.
//
// # What the caller does
//
// Whoever hands a token to package core does so in a function that Do or
// Undisturbed runs; core itself clears nothing. The caller also wipes the
// buffers that hold the token, and does not grow them with append.
//
// # What cannot be promised
//
//   - The language does not say where a value may be copied. What is done here
//     is what the compiler and the runtime that this module is built with need.
//     Tests measure it, and other tests scan the memory of a whole process.
//   - Outside Linux, no signal can be kept away. The runtime interrupts threads
//     to preempt goroutines, and what it stores stays until the next
//     interruption. On WebAssembly there are no signals.
//   - Do does not keep the garbage collector from shrinking a stack that was
//     much larger before. Undisturbed does.
//   - A string cannot be wiped, so none is made of a secret.
//   - If the function panics, nothing is cleared.
//   - The kernel's buffers, swapped memory and the memory of other processes
//     are out of reach.
package secret
