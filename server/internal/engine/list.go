package engine

// A list is a doubly linked list. The elements are part of what they list, so that
// adding and removing one takes constant time and allocates nothing.
type list[T any] struct {
	first, last *element[T]
}

// element is a place in a list. Its zero value is in no list.
type element[T any] struct {
	of             T
	list           *list[T] // that it is in
	previous, next *element[T]
}

// append puts e, which is in no list, at the end.
func (l *list[T]) append(e *element[T]) { l.insert(e, nil) }

// insert puts e, which is in no list, before another one or, if that is nil, at the
// end.
func (l *list[T]) insert(e, before *element[T]) {
	e.list, e.next, e.previous = l, before, l.last
	if before != nil {
		e.previous = before.previous
		before.previous = e
	} else {
		l.last = e
	}
	if e.previous != nil {
		e.previous.next = e
	} else {
		l.first = e
	}
}

// remove takes e out of its list, if it is in one.
func (e *element[T]) remove() {
	l := e.list
	if l == nil {
		return
	}
	if e.previous != nil {
		e.previous.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.previous = e.previous
	} else {
		l.last = e.previous
	}
	e.list, e.previous, e.next = nil, nil, nil
}
