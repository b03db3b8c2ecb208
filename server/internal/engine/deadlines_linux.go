package server

// A deadline list holds the connections that wait for the same kind of thing,
// in the order of their deadlines. All connections that are added wait equally
// long, so adding, removing and finding the next one take constant time.
type deadlineList struct {
	first, last *waiting
}

// waiting is a connection's place in a list.
type waiting struct {
	conn           *conn
	list           *deadlineList
	previous, next *waiting
	deadline       int64 // nanoseconds, on the server's clock
}

// add moves w to the end of the list.
func (l *deadlineList) add(w *waiting, deadline int64) {
	w.remove()
	w.deadline = deadline
	l.insert(w, nil)
}

// merge adds connections from another loop, which are in the order of their
// deadlines and keep them. It takes time in proportion to the length of both.
func (l *deadlineList) merge(conns []*conn) {
	at := l.first
	for _, c := range conns {
		for at != nil && at.deadline <= c.wait.deadline {
			at = at.next
		}
		l.insert(&c.wait, at)
	}
}

// insert puts w, which is in no list, before another one or, if that is nil,
// at the end.
func (l *deadlineList) insert(w, before *waiting) {
	w.list, w.next, w.previous = l, before, l.last
	if before != nil {
		w.previous = before.previous
		before.previous = w
	} else {
		l.last = w
	}
	if w.previous != nil {
		w.previous.next = w
	} else {
		l.first = w
	}
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
