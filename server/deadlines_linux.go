package server

// A deadline list holds the connections that wait for the same kind of thing.
// All of one list wait equally long, so that the order in which they began is
// the order in which they expire: adding, removing and finding the next one
// take constant time.
type deadlineList struct {
	first, last *waiting
}

// waiting is a connection's place in a list.
type waiting struct {
	conn           *conn
	list           *deadlineList
	previous, next *waiting
	deadline       int64 // nanoseconds, on the loop's clock
}

// add moves w to the end of the list.
func (l *deadlineList) add(w *waiting, deadline int64) {
	w.remove()
	w.list, w.deadline, w.previous = l, deadline, l.last
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
}

// remove takes w out of its list, if it is in one.
func (w *waiting) remove() {
	l := w.list
	if l == nil {
		return
	}
	if w.previous != nil {
		w.previous.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.previous = w.previous
	} else {
		l.last = w.previous
	}
	w.list, w.previous, w.next = nil, nil, nil
}
